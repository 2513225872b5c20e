import type { LatentState } from "../latent/state";

/**
 * The one word a worker is shown with, and the sentence beside it.
 *
 * A worker is not one state machine: connected, paused, draining and quarantined are independent
 * facts (WORKERS §6). What keeps it from building wins over what it is doing, and a person's
 * decision wins over ours: paused ▸ draining ▸ offline ▸ quarantined ▸ building ▸ idle. A paused
 * worker that is offline is still shown as paused, and the sentence says the rest.
 *
 * A latent worker without a machine is not offline: it is on demand (`dormant`), or its machine is on
 * its way (`starting`) or going (`stopping`). At rest after a fault it is quarantined, as others are.
 */
export interface ShownFacts {
  readonly isConnected: boolean;
  readonly isPaused: boolean;
  readonly pausedBy: string | null;
  readonly pauseReason: string | null;
  readonly isDraining: boolean;
  /** Milliseconds since the epoch. */
  readonly quarantinedUntil: number | null;
  readonly quarantineReason: string | null;
  readonly lastSeenAt: number | null;
  readonly buildCount: number;
  /** null: no limit. */
  readonly maxBuilds: number | null;
  /** Where a latent worker is in its life; left out, or null: it is static. */
  readonly latentState?: LatentState | null;
}

/** Worst news first: the order of filters. */
export const SHOWN_WORDS = [
  "paused",
  "quarantined",
  "draining",
  "offline",
  "starting",
  "stopping",
  "building",
  "idle",
  "dormant",
] as const;
export type ShownWord = (typeof SHOWN_WORDS)[number];

/** All that the word hangs on; lists of thousands of workers read no more than this. */
export type WordFacts = Pick<
  ShownFacts,
  "isConnected" | "isPaused" | "isDraining" | "quarantinedUntil" | "buildCount" | "latentState"
>;

export interface ShownState {
  readonly word: ShownWord;
  /** One sentence, without times: the page shows those beside it, in the reader's locale. */
  readonly sentence: string;
  /** Whether a build could start on it now. */
  readonly takesBuilds: boolean;
}

/** @param now milliseconds since the epoch */
export function shownState(facts: ShownFacts, now: number): ShownState {
  const inQuarantine = isResting(facts, now);
  const isFull = facts.maxBuilds !== null && facts.buildCount >= facts.maxBuilds;
  const word = shownWord(facts, now);
  return {
    word,
    sentence: sentenceFor(word, facts, isFull),
    takesBuilds: mayCome(facts) && !facts.isPaused && !facts.isDraining && !inQuarantine && !isFull,
  };
}

/** It is there, or a machine is made for it. */
const mayCome = ({ isConnected, latentState }: ShownFacts): boolean =>
  isConnected || (latentState != null && latentState !== "shut-down");

function isResting({ quarantinedUntil }: WordFacts, now: number): boolean {
  return quarantinedUntil !== null && quarantinedUntil > now;
}

/** @param now milliseconds since the epoch */
export function shownWord(facts: WordFacts, now: number): ShownWord {
  if (facts.isPaused) return "paused";
  if (facts.isDraining && facts.isConnected) return "draining";
  if (!facts.isConnected) return away(facts, now);
  if (isResting(facts, now)) return "quarantined";
  if (isGoing(facts.latentState)) return "stopping";
  return facts.buildCount > 0 ? "building" : "idle";
}

function away(facts: WordFacts, now: number): ShownWord {
  switch (facts.latentState) {
    case "insubstantiated":
      return isResting(facts, now) ? "quarantined" : "dormant";
    case "substantiating":
    case "starting":
    case "resubstantiating":
      return "starting";
    case "insubstantiating":
      return "stopping";
    default:
      return "offline";
  }
}

const isGoing = (state: LatentState | null | undefined) =>
  state === "insubstantiating" || state === "resubstantiating";

function sentenceFor(word: ShownWord, facts: ShownFacts, isFull: boolean): string {
  switch (word) {
    case "paused": {
      const by = facts.pausedBy ? ` by ${facts.pausedBy}` : "";
      const why = facts.pauseReason ? `: ${facts.pauseReason}` : "";
      const also = facts.isConnected ? "" : " (it is not connected either)";
      return `Paused${by}${why}${also}`;
    }
    case "draining":
      return facts.buildCount === 0
        ? "It is being told to exit"
        : `It exits after ${count(facts.buildCount, "build")}`;
    case "starting":
      return LATENT_SENTENCES[facts.latentState ?? "starting"];
    case "stopping":
    case "dormant":
      return LATENT_SENTENCES[facts.latentState ?? "insubstantiated"];
    case "offline":
      if (facts.latentState != null) return LATENT_SENTENCES[facts.latentState];
      return facts.lastSeenAt === null ? "It has never connected" : "It is not connected";
    case "quarantined":
      return facts.quarantineReason
        ? `It rests after a fault: ${facts.quarantineReason}`
        : "It rests after a fault";
    case "building":
      return isFull
        ? `${count(facts.buildCount, "build")}, all it may take`
        : `${count(facts.buildCount, "build")}, could take more`;
    case "idle":
      return "Ready for a build";
  }
}

/** In plain words; the page says beside it what happens next, and when. */
const LATENT_SENTENCES: Readonly<Record<LatentState, string>> = {
  insubstantiated: "It has no machine; one is made when a build wants it",
  substantiating: "A machine is wanted, and asked for in a moment",
  starting: "Its machine was asked for, and has not logged in yet",
  substantiated: "Its machine has lost its connection",
  insubstantiating: "Its machine is being stopped",
  resubstantiating: "Its machine is being stopped, and the next one is wanted already",
  "shut-down": "Its machines were let go for good: slipway machines resume has them made again",
};

const count = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? "" : "s"}`;
