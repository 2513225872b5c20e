/** A program of this host, asked a question: bounded in time and in what it may say. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { DriverError } from "../contract";
import { fileRefusal } from "./refusal";

/** Where the programs lie, and what is installed when they do not. */
const PACKAGES = {
  virsh: "libvirt-clients",
  "qemu-img": "qemu-utils",
  cp: "coreutils",
} as const;

export type Program = keyof typeof PACKAGES;

export interface CommandOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly seconds: number;
  readonly signal: AbortSignal;
  /** What it finds at `/dev/stdin`. */
  readonly input?: string;
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
  { env, seconds, signal, input }: CommandOptions,
): Promise<string> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const read = input === undefined ? null : withoutName(input);
    const child = spawn(program, args, {
      stdio: [read ?? "ignore", "pipe", "pipe"],
      // A session of its own: no transport of virsh can ask at the terminal of whoever runs the server.
      detached: true,
      env: { ...env, LC_ALL: "C" } as unknown as NodeJS.ProcessEnv,
    });
    if (read !== null) closeSync(read);
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
      heard(stream as Readable, tooMuch),
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

/**
 * A file that can be opened again and has no name any more: whoever is killed leaves no login behind.
 * What Node gives a program to read from is a socket, which cannot be opened.
 */
function withoutName(text: string): number {
  const folder = mkdtempSync(join(tmpdir(), "slipway-input-"));
  try {
    const file = openSync(join(folder, "input"), "wx+", 0o600);
    writeSync(file, text);
    return file;
  } catch (error) {
    throw fileRefusal(error, tmpdir());
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
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
