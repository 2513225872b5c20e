/** The life of a worker: it comes, is turned away, comes again, is lost, and goes. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { expect } from "vitest";
import { shell } from "../../support/shell-command";
import { KeepingSink, never, testDoor } from "../../support/worker-door";
import { type Check, OPTIONS, type WorkerKind, withWorker } from "./kind";

export function lifeSuite(check: Check, kind: WorkerKind): void {
  check("wrong-password", "comes again after a wrong password, until it is right", async () => {
    const door = testDoor({ passwords: { w1: "other" } });
    await withWorker(kind, { door }, async () => {
      expect((await door.nextRefusal()).reason).toBe("wrong-password");
      door.passwords.set("w1", ["pass"]);
      expect(await (await door.nextAttached()).session.ping(10_000)).toBe(true);
    });
  });

  check("names", "has names and passwords of all letters and signs", async () => {
    const logins = [
      ["w\u00f6rker-\u4e2d", "pass"],
      ["w1", "p\u00e4:\u00df \"'\\ %(x)s $HOME \u{1f511}"],
    ] as const;
    for (const [name, password] of logins) {
      const door = testDoor({ passwords: { [name]: password } });
      await withWorker(kind, { door, name, password }, async () => {
        const { session } = await door.nextAttached();
        expect(session.hello.loginName).toBe(name);
        expect(door.refusals).toEqual([]);
      });
    }
  });

  check("turned-away", "comes again after the fleet turned it away", async () => {
    const door = testDoor({ passwords: { w1: "pass" } });
    door.turnAway = "its name is in use";
    await withWorker(kind, { door }, async () => {
      expect((await door.nextRefusal()).reason).toBe("not-admitted");
      door.turnAway = null;
      await door.nextAttached();
    });
  });

  check("frozen", "is missed when it answers no keepalive, and comes again", async () => {
    await withWorker(kind, {}, async ({ door, worker }) => {
      const { session } = await door.nextAttached();
      const running = session.run("b1", shell("sleep 30"), new KeepingSink(), never);
      expect(await session.ping(10_000)).toBe(true);
      worker.signal("SIGSTOP");
      // Its kernel still acknowledges: only a question that it answers itself finds out.
      session.keepAliveEvery(1);
      expect((await session.closed).code).toBe("timeout");
      expect(await running).toMatchObject({ kind: "lost" });
      worker.signal("SIGCONT");
      expect(await (await door.nextAttached()).session.ping(10_000)).toBe(true);
    });
  });

  check("killed", "is lost with its command when it is killed", async () => {
    await withWorker(kind, {}, async ({ door, worker }) => {
      const { session } = await door.nextAttached();
      const gate = join(worker.dir, "running");
      const command = shell(`touch ${gate}; exec sleep 30`);
      const running = session.run("b1", command, new KeepingSink(), never);
      while (!existsSync(gate)) await session.ping(10_000);
      worker.signal("SIGKILL");
      expect(await running).toMatchObject({ kind: "lost" });
    });
  });

  check("master-gone", "comes back when its master is back, and takes commands again", async () => {
    await withWorker(kind, {}, async ({ door, listening }) => {
      await door.nextAttached();
      await listening.close();
      const again = await kind.protocol.listen(door, { ...OPTIONS, port: listening.port });
      try {
        const { session } = await door.nextAttached();
        const end = await session.run("b1", shell("true"), new KeepingSink(), never);
        expect(end).toMatchObject({ kind: "completed", rc: 0 });
      } finally {
        await again.close();
      }
    });
  });

  check(
    "drain",
    "asks for no more builds on SIGHUP, ends its command, goes when told",
    async () => {
      const args = ["--allow-shutdown=signal"];
      await withWorker(kind, { args }, async ({ door, worker }) => {
        const { session } = await door.nextAttached();
        const gate = join(worker.dir, "gate");
        const begun = join(worker.dir, "begun");
        const sink = new KeepingSink();
        const script = `touch ${begun}; while ! [ -e ${gate} ]; do sleep 0.05; done; echo end`;
        const running = session.run("b1", shell(script), sink, never);
        while (!existsSync(begun)) await session.ping(10_000);
        // A worker may set its handler only when the login is answered: ask until it is heard.
        const asking = setInterval(() => worker.signal("SIGHUP"), 200);
        await door.nextDrainRequest();
        clearInterval(asking);
        writeFileSync(gate, "");
        expect(await running).toMatchObject({ rc: 0 });
        expect(sink.text("stdout")).toBe("end\n");
        await session.shutdown();
        await session.closed;
        expect(await worker.exited).toBe(0);
      });
    },
  );

  check("drain-alone", "goes at once when the stamp is touched and nobody is there", async () => {
    const free = await kind.protocol.listen(testDoor({ passwords: {} }), OPTIONS);
    await free.close();
    const args = ["--allow-shutdown=file"];
    await withWorker(kind, { args, port: free.port }, async ({ worker }) => {
      await setTimeout(1_500);
      writeFileSync(join(worker.dir, "shutdown.stamp"), "");
      expect(await worker.exited).toBe(0);
    });
  });

  check("leftovers", "removes directories of no builder when told to, never info", async () => {
    const args = ["--delete-leftover-dirs"];
    await withWorker(kind, { args }, async ({ door, worker }) => {
      const { session } = await door.nextAttached();
      mkdirSync(join(worker.dir, "old", "deep"), { recursive: true });
      writeFileSync(join(worker.dir, "a-file"), "");
      await session.serve([
        { name: "b1", builddir: "b1" },
        { name: "b2", builddir: "b2" },
      ]);
      const isThere = (name: string) => existsSync(join(worker.dir, name));
      expect(["old", "info", "b1", "b2", "a-file"].map(isThere)).toEqual([
        ...[false, true, true, true, true],
      ]);
    });
  });

  check("leftovers-kept", "keeps them otherwise", async () => {
    await withWorker(kind, {}, async ({ door, worker }) => {
      const { session } = await door.nextAttached();
      mkdirSync(join(worker.dir, "old"));
      await session.serve([{ name: "b2", builddir: "b2" }]);
      expect(["old", "b1", "b2"].map((name) => existsSync(join(worker.dir, name)))).toEqual([
        ...[true, true, true],
      ]);
    });
  });

  check("maxretries", "ends after the number of attempts it was given", async () => {
    const free = await kind.protocol.listen(testDoor({ passwords: {} }), OPTIONS);
    await free.close();
    const args = ["--maxretries=2", "--maxdelay=1"];
    await withWorker(kind, { args, port: free.port }, async ({ worker }) => {
      expect(typeof (await worker.exited)).toBe("number");
    });
  });

  check("numcpus", "reports the number of processors that it was told", async () => {
    await withWorker(kind, { args: ["--numcpus=3"] }, async ({ door }) => {
      expect((await door.nextAttached()).facts.numcpus).toBe(3);
    });
  });
}
