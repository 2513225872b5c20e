/** Programs: what they are given, what comes of them, how they are made to end. */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import type { Command } from "../../../server/domain/wire";
import { gone } from "../../support/process-state";
import { shell } from "../../support/shell-command";
import { KeepingSink, never } from "../../support/worker-door";
import type { Bench, Check } from "./kind";

export function shellSuite(check: Check, bench: () => Bench): void {
  const build = (...path: string[]) => join(bench().worker.dir, "b1", "build", ...path);

  check("facts", "tells what it is", async () => {
    writeFileSync(join(bench().worker.dir, "info", "access_uri"), "ssh://somewhere\n");
    const facts = await bench().session.describe();
    expect(facts).toMatchObject({
      version: expect.stringMatching(/\d+\.\d+/),
      system: "posix",
      basedir: bench().worker.dir,
      numcpus: expect.any(Number),
      workerCommands: {
        shell: expect.stringMatching(/^3\./),
        uploadFile: expect.stringMatching(/^3\./),
      },
      environ: { FROM_WORKER: "inherited" },
    });
    expect(facts.info).toMatchObject({
      access_uri: "ssh://somewhere\n",
      os_id: "debian",
      host: expect.any(String),
      admin: expect.any(String),
    });
  });

  check(
    "obfuscated",
    "runs a command line and an argument list, and hides what is obfuscated",
    async () => {
      const [end, sink] = await bench().run(shell("echo one; exit 3"));
      expect(end).toMatchObject({ kind: "completed", rc: 3, failureReason: null });
      expect(end.kind === "completed" && end.elapsedSeconds).toBeGreaterThan(0);
      expect(sink.text("stdout")).toBe("one\n");
      expect(sink.text("header")).toContain("echo one; exit 3");
      const [hidden, hiddenSink] = await bench().run(
        shell(["echo", { real: "s3cret", shown: "XXXX" }], { logEnviron: true }),
      );
      expect(hidden).toMatchObject({ rc: 0 });
      expect(hiddenSink.text("stdout")).toBe("s3cret\n");
      expect(hiddenSink.text("header")).not.toContain("s3cret");
      expect(hiddenSink.text("header")).toContain("FROM_WORKER=inherited");
    },
  );

  check("stdin", "gives standard input and environment", async () => {
    const [end, sink] = await bench().run(
      shell('cat; echo "$ADDED/$REMOVED/$MADE"', {
        initial_stdin: "été\n",
        env: { ADDED: "a", FROM_WORKER: null, MADE: ["x", "$" + "{HOME}"] },
      }),
    );
    expect(end).toMatchObject({ rc: 0 });
    expect(sink.text("stdout")).toBe(`été\na//x:${bench().worker.dir}\n`);
  });

  check("logfiles", "follows a log file", async () => {
    const [end, sink] = await bench().run(
      shell("echo logged > test.log; echo out", {
        logfiles: { test: "test.log", other: { filename: "none.log", follow: true } },
      }),
    );
    expect(end).toMatchObject({ rc: 0 });
    expect(sink.text("log:test")).toBe("logged\n");
    expect(sink.text("stdout")).toBe("out\n");
  });

  check("unwanted", "keeps streams that are not wanted", async () => {
    const [, sink] = await bench().run(shell("echo a; echo b >&2", { want_stdout: false }));
    expect(sink.text("stdout")).toBe("");
    expect(sink.text("stderr")).toBe("b\n");
  });

  check("limits", "kills a command that is silent too long, or takes too long", async () => {
    const [silent, silentSink] = await bench().run(shell(["sleep", "60"], { timeout: 1 }));
    expect(silent).toMatchObject({ kind: "completed", rc: -1 });
    expect(silentSink.text("header")).toContain("1 seconds without output");
    const [long, longSink] = await bench().run(shell(["sleep", "60"], { maxTime: 1 }));
    expect(long).toMatchObject({ kind: "completed", rc: -1 });
    expect(longSink.text("header")).toContain("1 seconds elapsed");
  });

  check(
    "interrupt-asks",
    "interrupts, giving the command a chance first when asked to",
    async () => {
      const stop = new AbortController();
      const sink = new KeepingSink();
      const gate = join(bench().worker.dir, "trapped");
      const running = bench().session.run(
        "b1",
        shell(`trap 'echo asked; exit 7' TERM; touch ${gate}; while :; do sleep 0.05; done`, {
          sigtermTime: 10,
        }),
        sink,
        stop.signal,
      );
      while (!existsSync(gate)) await bench().session.ping(10_000);
      stop.abort("enough");
      expect(await running).toMatchObject({ kind: "completed", rc: 7 });
      expect(sink.text("stdout")).toContain("asked\n");
    },
  );

  check("bytes", "passes bad UTF-8, long lines and an unfinished line on", async () => {
    writeFileSync(build("bad"), Buffer.from([0x61, 0xff, 0xfe, 0x62, 0x0a]));
    const [, bad] = await bench().run(shell("cat bad"));
    expect(bad.text("stdout")).toBe("a\ufffd\ufffdb\n");
    const [, unfinished] = await bench().run(shell("echo line; printf end"));
    expect(unfinished.text("stdout")).toBe("line\nend\n");
    const [, utf8] = await bench().run(shell("printf '\\342\\202'; sleep 0.1; printf '\\254\\n'"));
    expect(utf8.bytes("stdout").toString("hex")).toBe("e282ac0a");
  });

  check("long-log", "streams a long log completely and in order", async () => {
    const [end, sink] = await bench().run(shell("seq 100000 400000"));
    expect(end).toMatchObject({ rc: 0 });
    const numbers = sink.text("stdout").split("\n");
    expect(numbers).toHaveLength(300_002);
    expect(numbers[150_000]).toBe("250000");
  });

  check(
    "refusals",
    "refuses a command it does not know, and one with missing arguments",
    async () => {
      const unknown = { name: "nosuchcommand", args: {} } as unknown as Command;
      expect((await bench().run(unknown))[0]).toEqual({
        kind: "failed",
        message: "unrecognized WorkerCommand 'nosuchcommand'",
      });
      const incomplete = { name: "shell", args: { command: ["true"] } } as unknown as Command;
      expect((await bench().run(incomplete))[0].kind).toBe("failed");
      expect((await bench().run(shell("true")))[0]).toMatchObject({ rc: 0 });
    },
  );

  check("side-by-side", "runs three commands side by side", async () => {
    const sinks = ["b1", "b2", "b3"].map((name) => ({ name, sink: new KeepingSink() }));
    // Each waits for the others' files, so they end only if they run at the same time.
    const script =
      "touch $ME; while ! [ -e ../../$A -a -e ../../$B ]; do sleep 0.02; done; echo $ME";
    const ends = await Promise.all(
      sinks.map(({ name, sink }, index) => {
        const [a, b] = ["b1", "b2", "b3"].filter((_, other) => other !== index);
        const env = { ME: `../../par-${name}`, A: `par-${a}`, B: `par-${b}` };
        return bench().session.run(name, shell(script, { env }), sink, never);
      }),
    );
    expect(ends.map((end) => end.kind === "completed" && end.rc)).toEqual([0, 0, 0]);
    expect(sinks.map(({ sink }) => sink.text("stdout").trim())).toEqual([
      "../../par-b1",
      "../../par-b2",
      "../../par-b3",
    ]);
  });

  check("dropped", "loses the command of a builder that it no longer serves", async () => {
    const running = bench().session.run("b3", shell(["sleep", "60"]), new KeepingSink(), never);
    await bench().session.ping(10_000);
    await bench().session.serve(bench().door.builders.slice(0, 2));
    expect(await running).toMatchObject({ kind: "lost" });
    await bench().session.serve(bench().door.builders);
    const end = await bench().session.run("b3", shell("true"), new KeepingSink(), never);
    expect(end).toMatchObject({ rc: 0 });
  });

  check("pipes", "gives commands streams that can be opened anew", async () => {
    const script = "echo err > /dev/stderr; echo out | tee /dev/stdout";
    const [end, sink] = await bench().run(shell(script));
    expect(end).toMatchObject({ rc: 0 });
    expect(sink.text("stderr")).toBe("err\n");
    expect(sink.text("stdout")).toBe("out\nout\n");
  });

  check("pty", "gives a terminal when asked for one", async () => {
    const script = ["sh", "-c", "test -t 1 && echo terminal; exit 4"];
    const [end, sink] = await bench().run(shell(script, { usePTY: true }));
    expect(end).toMatchObject({ kind: "completed", rc: 4 });
    expect(sink.text("stdout").trim()).toBe("terminal");
  });

  check("no-program", "says that a program is not there, and goes on", async () => {
    const [end] = await bench().run(shell(["/no/such/program"]));
    expect(end.kind === "completed" ? end.rc : "failed").not.toBe(0);
    expect((await bench().run(shell("true")))[0]).toMatchObject({ rc: 0 });
  });

  check("max-lines", "kills a command that prints too much", async () => {
    const [end, sink] = await bench().run(shell("seq 200; sleep 60", { max_lines: 100 }));
    expect(end).toMatchObject({ kind: "completed", rc: -1 });
    expect(sink.text("header")).toContain("exceeds max lines");
  });

  /** Starts a command, waits until it made the file `ready`, and interrupts it. */
  async function interrupted(script: string, more: Parameters<typeof shell>[1] = {}) {
    const stop = new AbortController();
    const sink = new KeepingSink();
    const ready = join(bench().worker.dir, "ready");
    rmSync(ready, { force: true });
    const command = shell(script.replace("READY", `touch ${ready}`), more);
    const running = bench().session.run("b1", command, sink, stop.signal);
    while (!existsSync(ready)) await bench().session.ping(10_000);
    stop.abort("enough");
    return [await running, sink] as const;
  }

  check("interrupt", "ends a command that ignores being asked", async () => {
    const stubborn = "trap '' TERM; READY; while :; do sleep 0.05; done";
    const [end, sink] = await interrupted(stubborn, { sigtermTime: 1 });
    expect(end).toMatchObject({ kind: "completed", rc: -1 });
    expect(sink.text("header")).toContain("command interrupted, attempting to kill");
    expect((await bench().run(shell("true")))[0]).toMatchObject({ rc: 0 });
  });

  check("interrupt-all", "ends all that a command started", async () => {
    const pid = join(bench().worker.dir, "grandchild");
    await interrupted(`sleep 1000 & echo $! > ${pid}; READY; wait`);
    await gone(Number(readFileSync(pid, "utf8")));
  });
}
