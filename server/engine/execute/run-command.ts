/** One command of a step, from its start on the worker to its end, whatever ends it. */
import type { Command, CommandEnd, CommandSink } from "../../domain/wire";
import type { WorkerSession } from "../../protocols/contract";
import type { StepLogs } from "./step-logs";

/** After an interrupt the worker kills within 5 s; beyond this the connection is given up. */
const INTERRUPT_MS = 60_000;

/** Not even begun when `stop` has fired already. Never rejects because of the worker. */
export async function runCommand(
  session: WorkerSession,
  builderName: string,
  command: Command,
  logs: StepLogs,
  stop: AbortSignal,
): Promise<CommandEnd> {
  if (stop.aborted) {
    return { kind: "completed", rc: null, elapsedSeconds: null, failureReason: null };
  }
  const sink: CommandSink = {
    output: (stream, text) => logs.output(stream, text),
    log: (name, text) => logs.file(name, text),
  };
  let timer: NodeJS.Timeout | undefined;
  const limit = () => {
    timer = setTimeout(() => {
      session.close({ code: "timeout", message: "it did not end an interrupted command" });
    }, INTERRUPT_MS);
  };
  stop.addEventListener("abort", limit);
  try {
    return await session.run(builderName, command, sink, stop);
  } finally {
    // A stop that comes later must not cost the worker its connection.
    stop.removeEventListener("abort", limit);
    clearTimeout(timer);
  }
}
