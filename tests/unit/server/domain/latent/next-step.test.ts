// Guarantee: whoever looks at a latent worker, at any time and after whatever was lost, does what the
// table of the specification says (T1 to T17), and no state that is not final waits without a time.
import { describe, expect, test } from "vitest";
import {
  ADVICE_SILENT,
  INSTANCE,
  LATENT_WORKER,
  type LatentEvent,
  type LatentFacts,
  type LatentState,
  mayAttach,
  next,
  nextStep,
  stopRetrySeconds,
  verdictOf,
} from "../../../../../server/domain/latent";

const NOW = 1_000_000;
const STATES = Object.keys(LATENT_WORKER) as LatentState[];
const EVENTS: LatentEvent[] = [
  ...(["wanted", "wanted-anew", "started", "attached", "failed"] as const),
  ...(["unwanted", "stopped", "ended", "revived"] as const),
];

function facts(state: LatentState, more: Partial<LatentFacts> = {}): LatentFacts {
  return {
    now: NOW,
    state,
    since: NOW - 1_000,
    options: { buildWaitTimeout: 600, missingTimeout: 1_200, checkInstanceInterval: 10 },
    isEnding: false,
    isConnected: false,
    isTaking: true,
    isDraining: false,
    isLostByUs: false,
    isOutdated: false,
    needsOther: false,
    lostAt: null,
    missingAt: NOW + 1_200_000,
    isStartAnswered: true,
    checkedAt: NOW - 1_000,
    waiting: 0,
    running: 0,
    idleSince: null,
    instance: state === "insubstantiated" || state === "shut-down" ? null : "starting",
    failure: null,
    ...{ unlistedAt: null, stopAsked: null, expiresAt: null, endsAt: null, unstopped: 0 },
    ...more,
  };
}
const wait = (buildWaitTimeout: number) => ({
  options: { buildWaitTimeout, missingTimeout: 1_200, checkInstanceInterval: 10 },
});

test("events lead only where the table of states allows, and each state has a sentence", () => {
  for (const state of STATES) {
    expect(LATENT_WORKER[state].means).toMatch(/\w+ \w+/);
    for (const event of EVENTS) {
      const to = next(state, event);
      if (to !== null && to !== state) expect(LATENT_WORKER[state].to).toContain(to);
    }
  }
  for (const { to } of Object.values(INSTANCE)) {
    for (const state of to) expect(INSTANCE).toHaveProperty(state);
  }
});

test("every state can be left, by a wish and by its end", () => {
  for (const state of STATES) {
    if (state !== "shut-down") expect(next(state, "wanted")).not.toBeNull();
    expect(EVENTS.some((event) => ![null, state].includes(next(state, event)))).toBe(true);
  }
  expect(next("shut-down", "wanted")).toBeNull();
});

test("a machine may log in while it is awaited, and come back while it is there (T6, T7)", () => {
  expect(STATES.filter(mayAttach)).toEqual(["starting", "substantiated"]);
});

describe("on the way", () => {
  const awaited = { waiting: 1 };
  test("a wish is followed by a start, and a start without an answer by the same start again", () => {
    expect(nextStep(facts("insubstantiated", awaited))).toMatchObject({ do: "want" });
    expect(nextStep(facts("substantiating", awaited))).toEqual({ do: "start" });
    expect(nextStep(facts("starting", { ...awaited, isStartAnswered: false }))).toEqual({
      do: "start",
    });
  });
  test("a machine is looked at so often, and given up in time (T8, T9)", () => {
    expect(nextStep(facts("starting", awaited))).toEqual({ do: "wait", until: NOW + 9_000 });
    expect(nextStep(facts("starting", { ...awaited, missingAt: NOW + 10 }))).toEqual({
      do: "wait",
      until: NOW + 10,
    });
    expect(nextStep(facts("starting", { ...awaited, checkedAt: NOW - 10_000 }))).toEqual({
      do: "inspect",
    });
    expect(nextStep(facts("starting", { ...awaited, missingAt: NOW }))).toEqual({
      do: "fail",
      failure: {
        verdict: "transient",
        reason: "its machine did not log in within 1200 s",
        advice: ADVICE_SILENT,
      },
    });
    expect(nextStep(facts("substantiating", { ...awaited, missingAt: NOW }))).toMatchObject({
      do: "fail",
    });
  });
  test("one that its provider says has ended is asked after at once, when there is something to ask", () => {
    const said = { isSaidToEnd: true, waiting: 1 };
    expect(nextStep(facts("starting", said))).toEqual({ do: "inspect" });
    expect(nextStep(facts("starting", { ...said, isStartAnswered: false }))).toEqual({
      do: "start",
    });
    const lost = { isSaidToEnd: true, running: 1, lostAt: NOW - 2_000 };
    expect(nextStep(facts("substantiated", lost))).toEqual({ do: "inspect" });
    // It is there to be seen, whatever its provider says.
    const connected = { isSaidToEnd: true, running: 1, isConnected: true };
    expect(nextStep(facts("substantiated", connected))).toMatchObject({ do: "wait" });
  });

  test("a login before the start has answered counts (T6, R1)", () => {
    const early = { ...awaited, isConnected: true, isStartAnswered: false };
    expect(nextStep(facts("starting", early))).toEqual({ do: "attached" });
    // And a little late, too: it is there.
    expect(nextStep(facts("starting", { ...early, missingAt: NOW }))).toEqual({ do: "attached" });
  });
  test("a connected worker that stays for ever needs no start (W-113)", () => {
    const connected = { ...awaited, isConnected: true };
    expect(nextStep(facts("substantiating", { ...connected, ...wait(-1) }))).toEqual({
      do: "attached",
    });
    expect(nextStep(facts("substantiating", connected))).toEqual({ do: "start" });
  });
  test("nobody waits any more (T12)", () => {
    expect(nextStep(facts("substantiating"))).toMatchObject({ do: "let-go" });
    expect(nextStep(facts("starting"))).toMatchObject({ do: "let-go" });
  });
});

describe("with a machine", () => {
  const there = { isConnected: true };
  test("those who wait get it; while a build runs nothing is to be done", () => {
    expect(nextStep(facts("substantiated", { ...there, waiting: 2 }))).toEqual({ do: "release" });
    expect(nextStep(facts("substantiated", { ...there, running: 1, ...wait(0) }))).toEqual({
      do: "wait",
      until: null,
    });
  });
  test("at 0 a build that comes when another one has ended gets a fresh machine (W-111)", () => {
    const used = { ...there, ...wait(0), waiting: 1, idleSince: NOW - 400 };
    expect(nextStep(facts("substantiated", used))).toMatchObject({ do: "renew" });
    expect(nextStep(facts("substantiated", { ...used, running: 1 }))).toEqual({ do: "release" });
    expect(nextStep(facts("substantiated", { ...used, ...wait(5) }))).toEqual({ do: "release" });
    expect(nextStep(facts("substantiated", { ...used, idleSince: NOW - 2_000 }))).toEqual({
      do: "release",
    });
  });
  test("idle: at once, after a while, never (W-110 to W-113)", () => {
    const idle = { ...there, idleSince: NOW - 400 };
    expect(nextStep(facts("substantiated", { ...idle, ...wait(0) }))).toMatchObject({
      do: "let-go",
    });
    expect(nextStep(facts("substantiated", { ...idle, ...wait(2) }))).toEqual({
      do: "wait",
      until: NOW + 1_600,
    });
    expect(nextStep(facts("substantiated", { ...idle, ...wait(0.4) }))).toMatchObject({
      do: "let-go",
    });
    expect(nextStep(facts("substantiated", { ...idle, ...wait(-1) }))).toEqual({
      do: "wait",
      until: null,
    });
  });
  test("a lost connection stops nothing by itself; the next build has another machine (T16, T2d)", () => {
    const away = { lostAt: NOW - 1_000, idleSince: NOW - 1_000 };
    expect(nextStep(facts("substantiated", away))).toEqual({ do: "wait", until: NOW + 9_000 });
    expect(nextStep(facts("substantiated", { ...away, waiting: 1 }))).toMatchObject({
      do: "renew",
    });
    expect(nextStep(facts("substantiated", { ...away, ...wait(0) }))).toMatchObject({
      do: "let-go",
    });
    // Whose worker keeps its build may come back, for as long as that is allowed to last (W-140).
    expect(nextStep(facts("substantiated", { ...away, ...wait(0), running: 1 }))).toEqual({
      do: "wait",
      until: NOW + 9_000,
    });
    expect(
      nextStep(facts("substantiated", { ...wait(-1), lostAt: NOW - 120_000, running: 1 })),
    ).toMatchObject({ do: "let-go" });
  });
  test("whether there is still a machine is asked at once, and then at intervals (K-035)", () => {
    const away = { lostAt: NOW - 1_000, running: 1 };
    for (const checkedAt of [null, NOW - 5_000]) {
      expect(nextStep(facts("substantiated", { ...away, checkedAt }))).toEqual({ do: "inspect" });
    }
    const asked = { ...away, lostAt: NOW - 60_000 };
    expect(nextStep(facts("substantiated", { ...asked, checkedAt: NOW - 4_000 }))).toEqual({
      do: "wait",
      until: NOW + 6_000,
    });
    expect(nextStep(facts("substantiated", { ...asked, checkedAt: NOW - 10_000 }))).toEqual({
      do: "inspect",
    });
  });
});

describe("on the way down", () => {
  test("the machine is stopped, then it is at rest or begins anew (T13 to T15)", () => {
    for (const state of ["insubstantiating", "resubstantiating"] as const) {
      const wanted = { waiting: state === "resubstantiating" ? 1 : 0 };
      expect(nextStep(facts(state, wanted))).toEqual({ do: "stop" });
      expect(nextStep(facts(state, { ...wanted, instance: "broken" }))).toEqual({ do: "stop" });
      expect(nextStep(facts(state, { ...wanted, instance: null }))).toMatchObject({
        do: "stopped",
      });
    }
    expect(nextStep(facts("resubstantiating"))).toMatchObject({ do: "forget" });
  });
  test("those who waited for a failed start are told before anything else", () => {
    const failure = { verdict: "transient", reason: "full" } as const;
    for (const state of STATES) expect(nextStep(facts(state, { failure }))).toEqual({ do: "tell" });
  });
});

test("an end leads to shut-down from everywhere, and nobody waits there (T17, T2e, A-01)", () => {
  const ending = { isEnding: true };
  for (const state of ["substantiating", "starting", "substantiated"] as const) {
    const with0 = { ...ending, waiting: 1, running: 1, ...wait(-1) };
    expect(nextStep(facts(state, with0))).toMatchObject({ do: "let-go" });
    expect(nextStep(facts(state, { ...with0, isConnected: true }))).toMatchObject({ do: "let-go" });
  }
  expect(nextStep(facts("insubstantiated", ending))).toMatchObject({ do: "end" });
  expect(nextStep(facts("shut-down", ending))).toEqual({ do: "wait", until: null });
  expect(nextStep(facts("shut-down", { ...ending, waiting: 1 }))).toMatchObject({
    do: "fail",
    failure: { verdict: "transient" },
  });
  expect(nextStep(facts("shut-down"))).toMatchObject({ do: "revive" });
});

test("a state that is not final never waits without a time, unless it is connected", () => {
  for (const state of STATES) {
    for (const waiting of [0, 1])
      for (const running of [0, 1])
        for (const seconds of [-1, 0, 600])
          for (const isStartAnswered of [true, false]) {
            const step = nextStep(
              facts(state, { waiting, running, isStartAnswered, ...wait(seconds) }),
            );
            if (step.do !== "wait" || step.until !== null) continue;
            expect([state, waiting]).toEqual(["insubstantiated", 0]);
          }
  }
});

test("only what is configured wrongly is for ever; stops are tried ever more rarely, for ever", () => {
  expect(verdictOf("bad-configuration")).toBe("permanent");
  for (const code of ["no-capacity", "quota", "provider-down", "not-found"] as const) {
    expect(verdictOf(code)).toBe("transient");
  }
  expect([0, 1, 2, 6, 100].map(stopRetrySeconds)).toEqual([5, 10, 20, 300, 300]);
});

describe("a worker of a pool (K-031, K-033)", () => {
  const pool = (more: Partial<NonNullable<LatentFacts["pool"]>> = {}) => ({
    pool: { isWished: false, unwelcome: null, worn: null, wornAt: null, ...more },
  });
  const wished = pool({ isWished: true });
  const up = { isConnected: true, instance: "running" } as const;

  test("is started and kept without a build while its pool wishes so", () => {
    expect(nextStep(facts("insubstantiated", pool()))).toEqual({ do: "wait", until: null });
    expect(nextStep(facts("insubstantiated", wished))).toMatchObject({ do: "want" });
    expect(nextStep(facts("starting", wished)).do).toBe("wait");
    expect(nextStep(facts("starting", pool()))).toMatchObject({ do: "let-go" });
    expect(nextStep(facts("resubstantiating", wished))).toEqual({ do: "stop" });
    const idle = { ...up, since: NOW - 1e9, ...wait(0) };
    expect(nextStep(facts("substantiated", { ...idle, ...wished }))).toEqual({
      do: "wait",
      until: null,
    });
    expect(nextStep(facts("substantiated", { ...idle, ...pool() }))).toMatchObject({
      do: "let-go",
    });
    // What a build has left is for nobody, wish or not.
    const used = { ...idle, idleSince: NOW - 1, ...wished };
    expect(nextStep(facts("substantiated", used))).toMatchObject({ do: "let-go" });
  });

  test("goes as soon as it has no build when it is unwelcome or worn, and never before", () => {
    for (const over of [
      pool({ isWished: true, unwelcome: "its pool is being drained" }),
      pool({ isWished: true, worn: "it has had its 3 builds" }),
      pool({ isWished: true, wornAt: NOW }),
    ]) {
      const idle = facts("substantiated", { ...up, idleSince: NOW, ...over });
      expect(nextStep(idle)).toMatchObject({ do: "let-go" });
      expect(nextStep({ ...idle, running: 1 })).toEqual({ do: "wait", until: null });
    }
    const unwelcome = pool({ isWished: true, unwelcome: "its pool may have 2 machines" });
    expect(nextStep(facts("insubstantiated", unwelcome))).toEqual({ do: "wait", until: null });
  });

  test("has another machine made for who waits when its own is worn", () => {
    const worn = facts("substantiated", { ...up, waiting: 1, ...pool({ worn: "3 builds" }) });
    expect(nextStep(worn)).toEqual({ do: "renew", reason: "3 builds" });
    expect(nextStep({ ...worn, ...pool() })).toEqual({ do: "release" });
  });

  test("is looked at when its time is over", () => {
    const later = pool({ isWished: true, wornAt: NOW + 5_000 });
    expect(nextStep(facts("substantiated", { ...up, ...later }))).toEqual({
      do: "wait",
      until: NOW + 5_000,
    });
  });
});
