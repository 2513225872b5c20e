/** The `slipway-worker` program: see `usage.ts` for what it understands. */

import { join, resolve } from "node:path";
import { isatty } from "node:tty";
import { VERSION } from "../session/worker-info";
import { createArguments, runArguments, startArguments } from "./arguments";
import { createWorker } from "./create-worker";
import { runningPid, startInBackground, stopInBackground, writePid } from "./daemon";
import { LOG_FILE, logLine, logTo } from "./log-file";
import { type StartEnvironment, takeEnvironment } from "./own-environment";
import { runWorker } from "./run-worker";
import { readSettings } from "./settings";
import { EXIT_USAGE, HELP, UsageError } from "./usage";

const say = (line: string) => void process.stdout.write(`${line}\n`);

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
    case "start": {
      const { basedir, inForeground } = startArguments(rest);
      return inForeground ? startHere(basedir, start) : startInBackground(basedir, say);
    }
    case "stop":
      return stopInBackground(startArguments(rest).basedir, say);
    case "restart": {
      const { basedir, inForeground } = startArguments(rest);
      await stopInBackground(basedir, say);
      return inForeground ? startHere(basedir, start) : startInBackground(basedir, say);
    }
    default:
      throw new UsageError(command === undefined ? "no command" : `unknown command ${command}`);
  }
}

async function startHere(basedir: string, { environ }: StartEnvironment): Promise<number> {
  const settings = readSettings(basedir);
  if (runningPid(basedir) !== null) {
    say(`a worker runs in ${basedir} already`);
    return 1;
  }
  const directory = resolve(basedir);
  writePid(directory);
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
