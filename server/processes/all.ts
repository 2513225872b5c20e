/**
 * `npm start`: one supervisor for the embedded database, `web`, `socket`, `jobs` and the local
 * workers. Ctrl-C or SIGTERM stops all of it in order; a second one ends it on the spot, and the
 * next start cleans up.
 */
import { type ProcessEnv, projectRoot, readEnv } from "../env";
import { type Installation, openInstallation } from "./installation";
import { type RunningAll, runAll } from "./supervisor";

const say = (line: string) => console.log(line);
const stopping = new AbortController();
let running: RunningAll | null = null;

for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => onSignal());

/** Terminal and npm may both deliver one Ctrl-C; only a later signal means impatience. */
const SAME_KEYSTROKE_MS = 1_000;
let stoppingSince = 0;

function onSignal(): void {
  if (stopping.signal.aborted) {
    if (performance.now() - stoppingSince > SAME_KEYSTROKE_MS) process.exit(1);
    return;
  }
  stoppingSince = performance.now();
  say("stopping …");
  stopping.abort(new Error("stopped"));
  if (running) void end(running, 0);
}

let installation: Installation | null = null;
function installed(env: ProcessEnv): Installation {
  installation ??= openInstallation(env, say);
  return installation;
}

async function end(all: RunningAll, status: number): Promise<void> {
  await all.stop();
  say("stopped");
  process.exit(status);
}

try {
  running = await runAll(
    {
      env: readEnv(),
      root: projectRoot(),
      say,
      bootstrap: (env) => installed(env).setUp(),
      onProcessGone: (env, gone) => installed(env).fence(gone),
      furtherPrograms: (env) => installed(env).localWorkers(),
      afterChildren: async () => installation?.close(),
      onFault: (reason) => {
        say(`${reason}: stopping`);
        stopping.abort(new Error(reason));
        if (running) void end(running, 1);
      },
    },
    stopping.signal,
  );
  await installed(running.env).followConfiguration(running.supervisor);
  // Asked to stop in the very moment it became ready.
  if (stopping.signal.aborted) await end(running, 0);
} catch (error) {
  if (stopping.signal.aborted) {
    say("stopped");
    process.exit(0);
  }
  console.error(explain(error as Error));
  process.exit(1);
}

/** What was thrown for a person is a message; a fault of ours comes with its place in the code. */
function explain(error: Error): string {
  const forPeople = ["Error", "EnvError", "MigrationError", "DataDirBusyError", "BackupError"];
  return forPeople.includes(error.name) ? error.message : (error.stack ?? error.message);
}
