/** One command of a step, from its start on the worker to its end, whatever ends it. */
import type { Command, CommandEnd, CommandSink, StatResult } from "../../domain/wire";
import type { Keeping, WorkerSession } from "../../protocols/contract";
import type { StepLogs } from "./step-logs";

/** Where what a command says goes: the step's logs, or somebody who listens before them. */
export interface Listener extends Pick<StepLogs, "output" | "file"> {
  stat?(value: StatResult): void;
  files?(names: readonly string[]): void;
}

/** After an interrupt the worker kills within 5 s; beyond this the connection is given up. */
const INTERRUPT_MS = 60_000;

/** Not even begun when `stop` has fired already. Never rejects because of the worker. */
export async function runCommand(
  session: WorkerSession,
  builderName: string,
  command: Command,
  listener: Listener,
  stop: AbortSignal,
  keep?: Keeping,
): Promise<CommandEnd> {
  if (stop.aborted) {
    return { kind: "completed", rc: null, elapsedSeconds: null, failureReason: null };
  }
  const sink: CommandSink = {
    output: (stream, text) => listener.output(stream, text),
    log: (name, text) => listener.file(name, text),
    stat: (value) => listener.stat?.(value),
    files: (names) => listener.files?.(names),
  };
  let timer: NodeJS.Timeout | undefined;
  const limit = () => {
    timer = setTimeout(() => {
      session.close({ code: "timeout", message: "it did not end an interrupted command" });
    }, INTERRUPT_MS);
  };
  stop.addEventListener("abort", limit);
  try {
    return await session.run(builderName, command, sink, stop, keep);
  } finally {
    // A stop that comes later must not cost the worker its connection.
    stop.removeEventListener("abort", limit);
    clearTimeout(timer);
  }
}
