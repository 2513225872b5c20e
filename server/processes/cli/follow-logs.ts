/** Prints what is new in the logs of a build, each time it is asked. */
import type { Io } from "./io";
import type { Remote } from "./remote";

interface Log {
  readonly logid: number;
  readonly name: string;
  readonly num_lines: number;
  readonly complete: boolean;
  readonly type: string;
}

interface Step {
  readonly stepid: number;
  readonly name: string;
  readonly complete: boolean;
}

const LINES_PER_CALL = 2_000;

export function follow(server: Remote, io: Io) {
  const shown = new Map<number, number>();
  const named = new Set<number>();
  const over = new Set<number>();

  async function showLog(log: Log): Promise<void> {
    for (;;) {
      const offset = shown.get(log.logid) ?? 0;
      if (offset >= log.num_lines) return;
      const { logchunks } = await server.get<{ logchunks: { content: string }[] }>(
        `/logs/${log.logid}/contents?offset=${offset}&limit=${LINES_PER_CALL}`,
      );
      const content = logchunks.map((chunk) => chunk.content).join("");
      const lines = content.split("\n").length - 1;
      if (lines === 0) return;
      shown.set(log.logid, offset + lines);
      io.out(log.type === "s" ? withoutStreams(content) : content);
    }
  }

  return {
    async show(buildId: number): Promise<void> {
      const { steps } = await server.get<{ steps: Step[] }>(`/builds/${buildId}/steps`);
      for (const step of steps) {
        if (over.has(step.stepid)) continue;
        const { logs } = await server.get<{ logs: Log[] }>(`/steps/${step.stepid}/logs`);
        for (const log of logs) {
          if (log.num_lines > 0 && !named.has(log.logid)) {
            named.add(log.logid);
            io.err(`--- ${step.name} / ${log.name}\n`);
          }
          await showLog(log);
        }
        // Its logs were read after it ended, so nothing can follow.
        if (step.complete && logs.every((log) => log.complete)) over.add(step.stepid);
      }
    },
  };
}

/** The first character of each line says which stream it came from. A line ends with \n and nothing else. */
function withoutStreams(content: string): string {
  return content
    .split("\n")
    .map((line) => line.slice(1))
    .join("\n");
}
