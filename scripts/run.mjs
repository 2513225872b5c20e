import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** The checkout. */
export const root = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");

/** What keeps the tools that we call quiet, offline and on their own binaries. */
export const toolEnv = {
  ...process.env,
  NEXT_TELEMETRY_DISABLED: "1",
  PRISMA_HIDE_UPDATE_MESSAGE: "1",
  CHECKPOINT_DISABLE: "1",
  // `prisma generate` insists on a schema engine and never calls it; any program satisfies it.
  PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
};

const startedAt = performance.now();

/** A line of progress with the seconds since the script began. */
export function say(line) {
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  console.log(`[${seconds.padStart(5)} s] ${line}`);
}

/**
 * Runs a program to its end.
 *
 * @param {object} [options] those of `spawn`, and `show: true` to pass its output through
 * @returns {Promise<{status: number, output: string}>} output only when it was not shown; a program
 *   that does not exist has status 127
 */
export function run(command, args, { show = false, timeoutMs = 0, ...options } = {}) {
  return new Promise((resolve) => {
    let output = "";
    const child = spawn(command, args, {
      cwd: root,
      env: toolEnv,
      stdio: ["ignore", show ? "inherit" : "pipe", show ? "inherit" : "pipe"],
      ...(timeoutMs > 0 && { timeout: timeoutMs, killSignal: "SIGTERM" }),
      ...options,
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text) => {
        output += text;
      });
    }
    child.on("error", (error) => resolve({ status: 127, output: error.message }));
    child.on("close", (code, signal) => {
      resolve({ status: code ?? (signal ? 128 : 1), output });
    });
  });
}

/** The same; a failure ends the script with what the program printed. */
export async function must(what, command, args, options) {
  const result = await run(command, args, options);
  if (result.status === 0) return result.output;
  if (result.output) console.error(result.output.trimEnd());
  throw new Error(`${what} failed (status ${result.status})`);
}

/** A program that one of our packages brought. */
export const tool = (name) => `${root}/node_modules/.bin/${name}`;

/** Ends a script the way a person can read it. */
export function fail(error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
