// Guarantee: the protocol without a wire keeps the contract of worker protocols, so that what is
// tested on top of it holds on top of the others.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe } from "vitest";
import type { Behaviour } from "../../../server/protocols/null";
import { completed, createNullProtocol } from "../../../server/protocols/null";
import { protocolConformance } from "./suite";

/** Enough of a worker to do what the suite asks: real processes and real files below `base`. */
function shellBehaviour(base: string): Behaviour {
  return async ({ builder, command, sink, stop }) => {
    const builddir = builder === "b4" ? "dir-of-b4" : builder;
    const build = join(base, builddir, "build");
    mkdirSync(build, { recursive: true });
    if (command.name === "downloadFile") {
      const blocks: Uint8Array[] = [];
      for (;;) {
        const block = await command.reader.read(command.args.blocksize);
        if (block.length === 0) break;
        blocks.push(block);
      }
      writeFileSync(join(build, command.args.workerdest), Buffer.concat(blocks));
      await command.reader.close();
      return completed(0);
    }
    if (command.name === "uploadFile") {
      const content = readFileSync(join(build, command.args.workersrc));
      for (let offset = 0; offset < content.length; offset += command.args.blocksize) {
        await command.writer.write(content.subarray(offset, offset + command.args.blocksize));
      }
      await command.writer.close();
      return completed(0);
    }
    if (command.name !== "shell") return { kind: "failed", message: "unknown command" };
    const line = command.args.command;
    const [program = "", ...args] =
      typeof line === "string"
        ? ["/bin/sh", "-c", line]
        : line.map((argument) => (typeof argument === "string" ? argument : argument.real));
    const child = spawn(program, args, { cwd: build });
    const kill = () => child.kill("SIGKILL");
    stop.addEventListener("abort", kill);
    const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
    child.stderr.on("data", (text: Buffer) => void sink.output("stderr", text));
    for await (const text of child.stdout) await sink.output("stdout", text as Buffer);
    const rc = await ended;
    stop.removeEventListener("abort", kill);
    return completed(rc ?? -1);
  };
}

describe("null protocol", () => {
  protocolConformance(() => {
    const protocol = createNullProtocol();
    return {
      protocol,
      async start(port, name, password) {
        const base = mkdtempSync(join(tmpdir(), "null-worker-"));
        const outcome = await protocol.connect(port, {
          name,
          password,
          facts: { basedir: base },
          behaviour: shellBehaviour(base),
        });
        return {
          async die() {
            if (outcome.accepted) outcome.worker.lose();
          },
          async stop() {
            if (outcome.accepted) outcome.worker.lose();
            rmSync(base, { recursive: true, force: true });
          },
        };
      },
    };
  });
});
