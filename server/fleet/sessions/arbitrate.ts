/**
 * Of two connections with one worker's name, one stays (W-020, A-28):
 *
 *  - the process of the old one is gone: the new one;
 *  - both are of the same worker process, which says so by its mark: the new one, at once, for nobody
 *    has two connections on purpose;
 *  - the old one answers a question within ten seconds: the old one, and the new one comes again later;
 *  - else the new one.
 *
 * Python workers have no mark. Their host, directory and environment are the same for a worker and
 * its clone, so they prove nothing and are not asked for: the question decides (decision 0018).
 *
 * Whoever holds the old connection judges it and ends its row when it is closed; only then can the
 * new one have a row. So nobody is ever connected twice, however many processes there are.
 */
import type { ProcessId, SessionId, WorkerId } from "../../domain/ids";
import type { WorkerFacts } from "../../domain/wire";
import type { WorkerSession } from "../../protocols/contract";
import type { Ending, Holder, KnownWorker, Opened, Proven } from "./session-store";

export const ARBITRATION_MS = 10_000;
/** Holders that did not answer when they were asked: so many, and the newcomer comes again later. */
const MAX_UNANSWERED = 1;

/** What became of the old connection. */
export type Verdict = "alive" | "gone" | "no answer";

export interface ArbitrationContext {
  readonly processId: ProcessId;
  readonly open: (hello: Proven) => Promise<Opened | null>;
  readonly holderOf: (workerId: WorkerId) => Promise<Holder | null>;
  readonly end: (ending: Ending) => Promise<void>;
  /** Judges a connection of this process. */
  readonly judge: (session: SessionId, isSame: boolean) => Promise<Verdict>;
  /** Has another process judge a connection of its own. */
  readonly ask: (owner: ProcessId, session: SessionId, isSame: boolean) => Promise<Verdict>;
}

export async function arbitrate(
  context: ArbitrationContext,
  hello: Proven,
  connection: WorkerSession,
): Promise<{ sessionId: SessionId; worker: KnownWorker } | { refusal: string }> {
  let mark: Promise<string | null> | null = null;
  for (let unanswered = 0; ; ) {
    const opened = await context.open(hello);
    if (!opened) return { refusal: "it was removed while logging in" };
    const { worker, sessionId } = opened;
    if (sessionId !== null) return { sessionId, worker };
    const holder = await context.holderOf(worker.id);
    // Ended between the two statements: try again.
    if (!holder) continue;
    if (holder.isOrphan) {
      await context.end({ sessionId: holder.sessionId, reason: "its process is gone" });
      continue;
    }
    if (holder.mark !== null) mark ??= connection.describe().then(markOf);
    const isSame = mark !== null && (await mark) === holder.mark;
    const { processId, sessionId: old } = holder;
    const verdict = await (processId === context.processId
      ? context.judge(old, isSame)
      : context.ask(processId, old, isSame));
    if (verdict === "alive" || (verdict === "no answer" && unanswered++ === MAX_UNANSWERED)) {
      // K-037: both sides are to say what is wrong and what helps.
      const refusal = `worker ${hello.loginName} already connected from ${holder.peer}; use a pool`;
      connection.say?.(refusal);
      return { refusal };
    }
  }
}

const markOf = ({ keeps }: WorkerFacts) => keeps;
