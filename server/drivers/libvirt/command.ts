/** A program of this host, asked a question: bounded in time and in what it may say. */
import { execFile } from "node:child_process";
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
    const options = {
      ...{ cwd, signal, timeout: seconds * 1_000, maxBuffer: MOST_OUTPUT },
      encoding: "utf8",
      killSignal: "SIGKILL",
      // A session of its own: no transport of virsh can ask at the terminal of whoever runs the server.
      detached: true,
      env: { ...env, LC_ALL: "C" } as unknown as NodeJS.ProcessEnv,
    } as const;
    const child = execFile(program, args, options, (error, stdout, stderr) => {
      if (!error) return resolve(stdout);
      if (signal.aborted) return reject(signal.reason);
      reject(failureOf(program, error, stderr, seconds));
    });
    child.stdin?.end();
  });
}

function failureOf(
  program: Program,
  error: Error & { readonly code?: unknown; readonly killed?: boolean },
  stderr: string,
  seconds: number,
): Error {
  if (error.code === "ENOENT" || error.code === "EACCES") {
    return new DriverError(
      "bad-configuration",
      `${program} cannot be run on this host: install the package ${PACKAGES[program]}`,
    );
  }
  if (error.code === "ERR_CHILD_PROCESS_STDIO_MAXBUFFER") {
    return new DriverError("provider-down", `${program} does not stop talking`);
  }
  if (error.killed) {
    return new DriverError("provider-down", `${program} did not answer within ${seconds} s`);
  }
  const said = stderr.replaceAll(/^error: /gm, "").trim();
  return new CommandFailed(said || `${program} ended with status ${String(error.code)}`);
}
