// Guarantee: a program that is not waited for any longer is over, and so is whatever it has started.
import { existsSync } from "node:fs";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { command } from "../../../../../server/drivers/libvirt/command";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway-command-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** As virsh starts an ssh, which waits for a host that hangs. */
async function ask(then: string, patience: { seconds: number; signal: AbortSignal }) {
  const program = join(folder, "virsh");
  await writeFile(program, `#!/bin/sh\nsleep 600 &\necho $! >"${folder}/helper"\n${then}\n`);
  await chmod(program, 0o755);
  return command("virsh", [], { env: { PATH: `${folder}:/usr/bin:/bin` }, ...patience });
}

const helper = async () => Number(await readFile(join(folder, "helper"), "utf8").catch(() => ""));
async function until(isSo: () => Promise<boolean>) {
  while (!(await isSo())) await sleep(10);
}
/** A zombie has ended: nobody may be there who takes notice. */
async function isOver(pid: number) {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "State:\tX");
  return /^State:\s+[XZ]/m.test(status);
}

test.runIf(existsSync("/proc/self/status"))("its time is up", async () => {
  const asked = ask("wait", { seconds: 0.5, signal: new AbortController().signal });
  await expect(asked).rejects.toMatchObject({
    code: "provider-down",
    message: "virsh did not answer within 0.5 s",
  });
  expect(await helper()).toBeGreaterThan(0);
  await until(async () => isOver(await helper()));
});

test.runIf(existsSync("/proc/self/status"))("nobody needs the answer", async () => {
  const patience = new AbortController();
  const asked = ask("wait", { seconds: 60, signal: patience.signal });
  await until(async () => (await helper()) > 0);
  patience.abort(new Error("unneeded"));
  await expect(asked).rejects.toThrow("unneeded");
  await until(async () => isOver(await helper()));
});

test.runIf(existsSync("/proc/self/status"))("it does not stop talking", async () => {
  const asked = ask("yes", { seconds: 60, signal: new AbortController().signal });
  await expect(asked).rejects.toThrow("virsh does not stop talking");
  await until(async () => isOver(await helper()));
});
