// Guarantee: a process that asks another about a connection gets that one's judgement, and one that is not
// answered is told so after a while; nothing that is told to a process is taken for what it is not.
import { expect, it } from "vitest";
import type { ProcessId, SessionId } from "../../../../../server/domain/ids";
import type { Verdict } from "../../../../../server/fleet/sessions/arbitrate";
import {
  createHolderQuestions,
  type HolderQuestions,
} from "../../../../../server/fleet/sessions/holder-questions";

const [ONE, TWO, SESSION] = [1 as ProcessId, 2 as ProcessId, 7 as SessionId];

/** Two processes; what they send arrives, unless it is lost. */
function processes(judge: (session: SessionId, isSame: boolean) => Promise<Verdict>) {
  const all = new Map<ProcessId, HolderQuestions>();
  const state = { isLost: false, sent: [] as string[] };
  for (const processId of [ONE, TWO]) {
    const send = (to: ProcessId, payload: string) => {
      state.sent.push(payload);
      if (!state.isLost) setImmediate(() => all.get(to)?.heard(payload));
    };
    all.set(processId, createHolderQuestions({ processId, send, judge, patienceMs: 100 }));
  }
  return { one: all.get(ONE) as HolderQuestions, two: all.get(TWO) as HolderQuestions, state };
}

it("brings the holder's judgement back", async () => {
  const judged: unknown[] = [];
  const { one } = processes(async (session, isSame) => {
    judged.push([session, isSame]);
    return isSame ? "gone" : "alive";
  });
  expect(await one.ask(TWO, SESSION, false)).toBe("alive");
  expect(await one.ask(TWO, SESSION, true)).toBe("gone");
  expect(judged).toEqual([
    [SESSION, false],
    [SESSION, true],
  ]);
});

it("answers all who ask about the same connection", async () => {
  const { one, two } = processes(async () => "gone");
  const answers = [
    one.ask(TWO, SESSION, false),
    one.ask(TWO, SESSION, false),
    two.ask(ONE, SESSION, true),
  ];
  expect(await Promise.all(answers)).toEqual(["gone", "gone", "gone"]);
});

it("does not wait for ever when question or answer is lost", async () => {
  const { one, state } = processes(async () => "alive");
  state.isLost = true;
  expect(await one.ask(TWO, SESSION, false)).toBe("no answer");
  // An answer that comes after that is nobody's.
  expect(one.heard(`judged ${SESSION} alive`)).toBe(true);
  state.isLost = false;
  expect(await one.ask(TWO, SESSION, false)).toBe("alive");
});

it("leaves alone what is neither", () => {
  const { one, state } = processes(async () => "alive");
  for (const payload of [
    "",
    "stop",
    "judge",
    "judge x for 1",
    "judged 7 dead",
    "judge 7 for 1 twice",
  ]) {
    expect(one.heard(payload)).toBe(false);
  }
  expect(state.sent).toEqual([]);
});
