/** A program of this host, asked a question: bounded in time and in what it may say. */
import { type ChildProcess, spawn } from "node:child_process";
import { DriverError } from "../contract";

/** Where the programs lie, and what is installed when they do not. */
const PACKAGES = {
  virsh: "libvirt-clients",
  "qemu-img": "qemu-utils",
  cp: "coreutils",
} as const;

export type Program = keyof typeof PACKAGES;

export interface CommandOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  readonly seconds: number;
  readonly signal: AbortSignal;
}

/** It ran, and said no. */
export class CommandFailed extends Error {
  override readonly name = "CommandFailed";
}

const MOST_OUTPUT = 4 * 1024 * 1024;

/**
 * @returns what it printed
 * @throws CommandFailed with its words; DriverError when it is missing or does not answer; the signal's
 *   reason
 */
export function command(
  program: Program,
  args: readonly string[],
  { env, cwd, seconds, signal }: CommandOptions,
): Promise<string> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd,
      stdio: ["ignore", "pipe", "pipe"],
      // A session of its own: no transport of virsh can ask at the terminal of whoever runs the server.
      detached: true,
      env: { ...env, LC_ALL: "C" } as unknown as NodeJS.ProcessEnv,
    });
    const giveUp = (why: unknown) => {
      stopHearing();
      endAll(child);
      reject(why);
    };
    const down = (words: string) => () => giveUp(new DriverError("provider-down", words));
    const late = setTimeout(down(`${program} did not answer within ${seconds} s`), seconds * 1_000);
    const leave = () => giveUp(signal.reason);
    signal.addEventListener("abort", leave, { once: true });
    const stopHearing = () => {
      clearTimeout(late);
      signal.removeEventListener("abort", leave);
    };
    const tooMuch = down(`${program} does not stop talking`);
    const [printed, complained] = [child.stdout, child.stderr].map((stream) =>
      heard(stream, tooMuch),
    ) as [Buffer[], Buffer[]];
    child.once("error", (error) => {
      stopHearing();
      reject(cannotRun(program, error));
    });
    child.once("close", (code, killedBy) => {
      stopHearing();
      if (code === 0) return resolve(Buffer.concat(printed).toString("utf8"));
      const said = Buffer.concat(complained).toString("utf8");
      const words = said.replaceAll(/^error: /gm, "").trim();
      reject(new CommandFailed(words || `${program} ended with status ${code ?? killedBy}`));
    });
  });
}

function heard(stream: NodeJS.ReadableStream, tooMuch: () => void): Buffer[] {
  const chunks: Buffer[] = [];
  let length = 0;
  stream.on("data", (chunk: Buffer) => {
    length += chunk.length;
    if (length > MOST_OUTPUT) tooMuch();
    else chunks.push(chunk);
  });
  return chunks;
}

/** And what it has started: an ssh that waits for a host that hangs would stay, one of each question. */
export function endAll(child: ChildProcess): void {
  child.stdout?.destroy();
  child.stderr?.destroy();
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // Nothing is left of it.
  }
}

function cannotRun(program: Program, error: NodeJS.ErrnoException): Error {
  if (error.code !== "ENOENT" && error.code !== "EACCES") return new CommandFailed(error.message);
  return new DriverError(
    "bad-configuration",
    `${program} cannot be run on this host: install the package ${PACKAGES[program]}`,
  );
}
