/** Guarantee: a worker's word follows from its facts alone, a person's decision first. */
import { expect, test } from "vitest";
import { type ShownFacts, shownState } from "../../../../../server/domain/workers/shown-state";

const NOW = 1_000_000;
const facts = (part: Partial<ShownFacts>): ShownFacts => ({
  isConnected: true,
  isPaused: false,
  pausedBy: null,
  pauseReason: null,
  isDraining: false,
  quarantinedUntil: null,
  quarantineReason: null,
  lastSeenAt: NOW,
  buildCount: 0,
  maxBuilds: null,
  ...part,
});
const shown = (part: Partial<ShownFacts>) => shownState(facts(part), NOW);

test("idle and building take builds until they are full", () => {
  expect(shown({})).toMatchObject({ word: "idle", takesBuilds: true });
  expect(shown({ buildCount: 1, maxBuilds: 2 })).toMatchObject({
    word: "building",
    takesBuilds: true,
  });
  expect(shown({ buildCount: 2, maxBuilds: 2 })).toMatchObject({
    word: "building",
    takesBuilds: false,
  });
});

test("paused wins, and says by whom, why, and that it is away too", () => {
  const state = shown({
    isPaused: true,
    pausedBy: "ada@example.org",
    pauseReason: "new disk",
    isConnected: false,
    quarantinedUntil: NOW + 1,
  });
  expect(state.word).toBe("paused");
  expect(state.sentence).toBe("Paused by ada@example.org: new disk (it is not connected either)");
  expect(state.takesBuilds).toBe(false);
});

test("a quarantine ends by the clock", () => {
  expect(shown({ quarantinedUntil: NOW + 1 }).word).toBe("quarantined");
  expect(shown({ quarantinedUntil: NOW }).word).toBe("idle");
});

test("never seen and gone are told apart", () => {
  expect(shown({ isConnected: false, lastSeenAt: null }).sentence).toBe("It has never connected");
  expect(shown({ isConnected: false }).sentence).toBe("It is not connected");
});

test("draining counts what is left", () => {
  expect(shown({ isDraining: true, buildCount: 2 }).sentence).toBe("It exits after 2 builds");
  expect(shown({ isDraining: true }).takesBuilds).toBe(false);
});

test("a latent worker without a machine is on demand, and not offline", () => {
  const latent = (latentState: ShownFacts["latentState"], part: Partial<ShownFacts> = {}) =>
    shown({ isConnected: false, latentState, ...part });
  expect(latent("insubstantiated")).toMatchObject({ word: "dormant", takesBuilds: true });
  expect(latent("substantiating")).toMatchObject({ word: "starting", takesBuilds: true });
  expect(latent("starting").sentence).toBe("Its machine was asked for, and has not logged in yet");
  expect(latent("insubstantiating").word).toBe("stopping");
  expect(latent("resubstantiating").word).toBe("starting");
  expect(latent("substantiated").word).toBe("offline");
  expect(latent("shut-down")).toMatchObject({ word: "offline", takesBuilds: false });
  expect(shown({ latentState: "substantiated" }).word).toBe("idle");
  expect(shown({ latentState: "insubstantiating" }).word).toBe("stopping");
});

test("a latent worker rests after a fault, and a person's pause wins over that", () => {
  const resting = { isConnected: false, latentState: "insubstantiated", quarantinedUntil: NOW + 1 };
  expect(shown(resting as Partial<ShownFacts>)).toMatchObject({
    word: "quarantined",
    takesBuilds: false,
  });
  expect(shown({ ...(resting as Partial<ShownFacts>), isPaused: true }).word).toBe("paused");
});
