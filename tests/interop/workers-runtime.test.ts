// Guarantee: our own worker does everything over our Perspective Broker door that a Buildbot worker
// does, loses no output, and stays small however much there is of it.
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Command, CommandEnd } from "../../server/domain/wire";
import type { Listening, WorkerSession } from "../../server/protocols/contract";
import { pbProtocol } from "../../server/protocols/pb";
import { shell } from "../support/shell-command";
import { type SlipwayWorker, startSlipwayWorker } from "../support/slipway-worker";
import { KeepingSink, never, type TestDoor, testDoor } from "../support/worker-door";

const OPTIONS = {
  host: "127.0.0.1",
  port: 0,
  loginTimeoutMs: 30_000,
  keepaliveIntervalSeconds: null,
};

describe("our worker over PB", () => {
  let door: TestDoor;
  let listening: Listening;
  let worker: SlipwayWorker;
  let session: WorkerSession;

  beforeAll(async () => {
    door = testDoor({
      passwords: { w1: "pass" },
      builders: ["b1", "b2"].map((name) => ({ name, builddir: name })),
    });
    listening = await pbProtocol.listen(door, OPTIONS);
    worker = await startSlipwayWorker({
      port: listening.port,
      name: "w1",
      password: "pass",
      env: { FROM_WORKER: "inherited", DATABASE_URL: "postgres://hidden", SLIPWAY_SECRET_KEY: "k" },
    });
    ({ session } = await door.nextAttached());
  });

  afterAll(async () => {
    await worker?.stop();
    await listening?.close();
  });

  async function run(command: Command, stop = never): Promise<[CommandEnd, KeepingSink]> {
    const sink = new KeepingSink();
    return [await session.run("b1", command, sink, stop), sink];
  }

  const build = (...path: string[]) => join(worker.dir, "b1", "build", ...path);

  it("runs a command line with the headers that a log has around it", async () => {
    const [end, sink] = await run(shell("echo hi; exit 3", { logEnviron: true }));
    expect(end).toMatchObject({ kind: "completed", rc: 3, failureReason: null });
    expect(sink.text("stdout")).toBe("hi\n");
    const header = sink.text("header");
    expect(header).toContain("echo hi; exit 3\n in dir ");
    expect(header).toContain(" argv: [b'/bin/sh', b'-c', b'echo hi; exit 3']\n");
    expect(header).toContain("FROM_WORKER=inherited");
    expect(header).toMatch(/ using PTY: False\nelapsedTime=\d+\.\d{6}\n$/);
  });
});
