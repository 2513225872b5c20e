import { describe, expect, it } from "vitest";
import type { Command } from "../../server/domain/wire";
import { pbProtocol } from "../../server/protocols/pb";
import { hasBuildbotWorker, startBuildbotWorker } from "../support/buildbot-worker";
import { hasOpenssl, testCertificate } from "../support/certificate";
import { shell } from "../support/shell-command";
import { KeepingSink, never, testDoor } from "../support/worker-door";

const OPTIONS = { host: "127.0.0.1", port: 0, loginTimeoutMs: 30_000 };

describe.skipIf(!hasBuildbotWorker())("the Python worker over PB", () => {
  it("survives more commands than the original's limit of live objects", async () => {
    const door = testDoor({ passwords: { w1: "pass" } });
    const listening = await pbProtocol.listen(door, OPTIONS);
    const { port } = listening;
    const login = { name: "w1", password: "pass" };
    const worker = await startBuildbotWorker({ host: "127.0.0.1", port, ...login });
    try {
      const { session } = await door.nextAttached();
      for (let count = 0; count < 1_100; count++) {
        const list: Command = { name: "listdir", args: { dir: "." } };
        const end = await session.run("b1", list, new KeepingSink(), never);
        if (end.kind !== "completed") throw new Error(`command ${count}: ${end.message}`);
      }
      expect(await session.ping(10_000)).toBe(true);
      const tooLong = shell("true", { initial_stdin: "x".repeat(700_000) });
      expect(await session.run("b1", tooLong, new KeepingSink(), never)).toMatchObject({
        kind: "failed",
        message: expect.stringContaining("longer than a peer accepts"),
      });
    } finally {
      await worker.stop();
      await listening.close();
    }
  }, 60_000);

  it.skipIf(!hasOpenssl()).each([
    ["with --use-tls", true],
    ["with a connection string that names the authority", false],
  ])(
    "talks through TLS, %s",
    async (_, usesOption) => {
      const certificate = testCertificate();
      const { key, cert, caPath, caDir } = certificate;
      const door = testDoor({ passwords: { w1: "pass" } });
      const listening = await pbProtocol.listen(door, { ...OPTIONS, tls: { key, cert } });
      const { port } = listening;
      const worker = await startBuildbotWorker({
        ...{ host: "localhost", port, name: "w1", password: "pass" },
        ...(usesOption
          ? { args: ["--use-tls"], env: { SSL_CERT_FILE: caPath } }
          : { connectionString: `tls:localhost:${port}:trustRoots=${caDir}` }),
      });
      try {
        const { session } = await door.nextAttached();
        const sink = new KeepingSink();
        const end = await session.run("b1", shell("seq 1 20000"), sink, never);
        expect(end).toMatchObject({ kind: "completed", rc: 0 });
        expect(sink.text("stdout").split("\n")).toHaveLength(20_001);
      } finally {
        await worker.stop();
        await listening.close();
        certificate.remove();
      }
    },
    60_000,
  );
});
