/** The `slipway-worker` program: see `usage.ts` for what it understands. */

import { join, resolve } from "node:path";
import { isatty } from "node:tty";
import { VERSION } from "../session/worker-info";
import { createArguments, runArguments, startArguments } from "./arguments";
import { createWorker } from "./create-worker";
import { type BackgroundOrder, startInBackground, stopInBackground } from "./daemon";
import { LOG_FILE, logLine, logTo } from "./log-file";
import { type StartEnvironment, takeEnvironment } from "./own-environment";
import { takePidFile } from "./pid-file";
import { runWorker } from "./run-worker";
import { readSettings, type Settings } from "./settings";
import { EXIT_USAGE, HELP, UsageError } from "./usage";

const say = (line: string) => void process.stdout.write(`${line}\n`);
const complain = (line: string) => void process.stderr.write(`slipway-worker: ${line}\n`);

/** Resolves with the exit status. */
async function main(argv: readonly string[], start: StartEnvironment): Promise<number> {
  const [command, ...rest] = argv;
  if (argv.includes("--help") || argv.includes("-h")) {
    process.stdout.write(HELP);
    return 0;
  }
  switch (command) {
    case "--version":
      say(VERSION);
      return 0;
    case "create-worker":
      createWorker(createArguments(rest), say);
      return 0;
    case "run": {
      const { basedir, settings } = runArguments(rest, start);
      return runWorker(basedir, settings, start.environ, toStdout);
    }
    case "start":
    case "restart": {
      const { basedir, inForeground, isQuiet } = startArguments(rest);
      const order = background(basedir, isQuiet);
      // What is wrong with the settings is told before anything is stopped for them.
      const settings = readSettings(basedir, start.complete);
      const stopped = command === "restart" ? await stopInBackground(order) : 0;
      if (stopped !== 0) return stopped;
      return inForeground
        ? startHere(basedir, settings, start)
        : startInBackground(order, settings, start.complete);
    }
    case "stop": {
      const { basedir, isQuiet } = startArguments(rest);
      return stopInBackground(background(basedir, isQuiet));
    }
    default:
      throw new UsageError(command === undefined ? "no command" : `unknown command ${command}`);
  }
}

function background(basedir: string, isQuiet: boolean): BackgroundOrder {
  return { basedir, complain, say: isQuiet ? () => {} : say };
}

async function startHere(
  basedir: string,
  settings: Settings,
  { environ }: StartEnvironment,
): Promise<number> {
  const directory = resolve(basedir);
  process.chdir(directory);
  if (!takePidFile(directory)) {
    complain(`a worker runs in ${basedir} already`);
    return 1;
  }
  const toFile = logTo(join(directory, LOG_FILE), settings);
  // In the background the standard output is that same file.
  const isWatched = isatty(1);
  const log = (text: string) => {
    toFile(text);
    if (isWatched) toStdout(text);
  };
  return runWorker(directory, settings, environ, log);
}

function toStdout(text: string): void {
  process.stdout.write(logLine(text));
}

// Whoever read our output may be gone; that must not end us by itself.
process.stdout.on("error", () => {});
process.stderr.on("error", () => {});

try {
  process.exitCode = await main(process.argv.slice(2), takeEnvironment());
} catch (error) {
  const isUsage = error instanceof UsageError;
  process.stderr.write(`slipway-worker: ${isUsage ? error.message : String(error)}\n`);
  process.exitCode = isUsage ? EXIT_USAGE : 1;
}
// A channel to the parent, or a child that was given up, would keep this process.
process.exit();
