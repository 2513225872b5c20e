/**
 * Questions between socket processes: "is this connection of yours alive?" They travel as
 * notifications, so question or answer may be lost: whoever asked gives up after a while and is
 * told that there was no answer. The holder's own judgement stands in the database either way.
 */
import type { ProcessId, SessionId } from "../../domain/ids";
import { ARBITRATION_MS, type Verdict } from "./arbitrate";

/** Behind the time that the holder itself takes. */
const PATIENCE_MS = ARBITRATION_MS + 2_000;

const QUESTION = /^judge (\d+) for (\d+)( same)?$/;
const ANSWER = /^judged (\d+) (alive|gone)$/;

export interface HolderQuestionsContext {
  readonly processId: ProcessId;
  readonly send: (to: ProcessId, payload: string) => void;
  /** Judges a connection of ours. */
  readonly judge: (session: SessionId, isSame: boolean) => Promise<Verdict>;
  readonly patienceMs?: number;
}

export interface HolderQuestions {
  ask(owner: ProcessId, session: SessionId, isSame: boolean): Promise<Verdict>;
  /** @returns whether what was told to this process is a question or an answer */
  heard(payload: string): boolean;
}

export function createHolderQuestions(context: HolderQuestionsContext): HolderQuestions {
  const { processId, send, judge, patienceMs = PATIENCE_MS } = context;
  const asked = new Map<SessionId, Set<(verdict: Verdict) => void>>();

  async function answer(session: SessionId, asker: ProcessId, isSame: boolean): Promise<void> {
    const verdict = await judge(session, isSame);
    if (verdict !== "no answer") send(asker, `judged ${session} ${verdict}`);
  }

  return {
    ask: (owner, session, isSame) =>
      new Promise((resolve) => {
        const waiting = asked.get(session) ?? new Set();
        asked.set(session, waiting);
        const settle = (verdict: Verdict) => {
          clearTimeout(timer);
          waiting.delete(settle);
          if (waiting.size === 0) asked.delete(session);
          resolve(verdict);
        };
        const timer = setTimeout(() => settle("no answer"), patienceMs);
        waiting.add(settle);
        send(owner, `judge ${session} for ${processId}${isSame ? " same" : ""}`);
      }),
    heard(payload) {
      const question = QUESTION.exec(payload);
      if (question) {
        const [, session, asker, same] = question;
        void answer(Number(session) as SessionId, Number(asker) as ProcessId, same !== undefined);
        return true;
      }
      const [, session, verdict] = ANSWER.exec(payload) ?? [];
      if (session === undefined) return false;
      const waiting = asked.get(Number(session) as SessionId) ?? [];
      for (const settle of [...waiting]) settle(verdict as Verdict);
      return true;
    },
  };
}
