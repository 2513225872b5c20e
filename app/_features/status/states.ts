/**
 * Every state a person may meet: its word, its shape, its hue, and what it means. Pages, bars,
 * favicons and badges draw from this one table, so that no screen lies about another. Failure is
 * the fault of the code being built, exception is ours or the machine's: never drawn alike.
 */
import { RESULTS } from "../../../server/domain/builds/result";

export type Hue =
  | "green"
  | "amber"
  | "red"
  | "purple"
  | "blue"
  | "cyan"
  | "orange"
  | "slate"
  | "grey";

/** Paths in a 16 × 16 box. `body` is filled, or outlined when `hollow`; `mark` is stroked on it. */
export interface Shape {
  readonly body?: string;
  readonly hollow?: boolean;
  readonly mark?: string;
  readonly dots?: readonly (readonly [x: number, y: number])[];
  readonly motion?: "turns" | "rises";
}

export interface StateLook {
  readonly word: string;
  readonly hue: Hue;
  readonly shape: Shape;
  readonly means: string;
}

const CIRCLE = "M8 1.25a6.75 6.75 0 1 0 0 13.5a6.75 6.75 0 1 0 0-13.5z";
const RING = "M8 1.75a6.25 6.25 0 1 0 0 12.5a6.25 6.25 0 1 0 0-12.5z";
const HEXAGON = "M8 .8l6.3 3.6v7.2L8 15.2l-6.3-3.6V4.4z";

export const STATES = {
  success: {
    word: "success",
    hue: "green",
    shape: { body: CIRCLE, mark: "M4.9 8.3l2.2 2.2 4-4.6" },
    means: "Every step did what it should.",
  },
  warnings: {
    word: "warnings",
    hue: "amber",
    shape: {
      body: "M8 1.2c.5 0 .9.25 1.15.7l5.6 10.3c.5.95-.15 2.1-1.2 2.1H2.45c-1.05 0-1.7-1.15-1.2-2.1L6.85 1.9c.25-.45.65-.7 1.15-.7z",
      mark: "M8 5.6v4M8 11.7v.3",
    },
    means: "It worked, and something asks to be looked at.",
  },
  failure: {
    word: "failure",
    hue: "red",
    shape: { body: CIRCLE, mark: "M5.6 5.6l4.8 4.8M10.4 5.6l-4.8 4.8" },
    means: "A step failed: the fault is in what was built.",
  },
  exception: {
    word: "exception",
    hue: "purple",
    shape: { body: HEXAGON, mark: "M9 3.7L5.8 8.5h4.4L7 12.3" },
    means: "The CI system or the machine failed, not the code.",
  },
  running: {
    word: "running",
    hue: "blue",
    shape: { body: RING, hollow: true, mark: "M8 1.75a6.25 6.25 0 0 1 6.25 6.25", motion: "turns" },
    means: "Its steps run on a worker now.",
  },
  preparing: {
    word: "preparing",
    hue: "cyan",
    shape: {
      dots: [
        [3, 8],
        [8, 8],
        [13, 8],
      ],
      motion: "rises",
    },
    means: "It has a worker, which is being made ready.",
  },
  waiting: {
    word: "waiting",
    hue: "grey",
    shape: { body: RING, hollow: true, mark: "M8 4.6V8l2.4 1.6" },
    means: "Nothing serves it yet; the reason stands beside it.",
  },
  substantiating: {
    word: "substantiating",
    hue: "cyan",
    shape: {
      dots: [
        [3, 11],
        [8, 8],
        [13, 5],
      ],
      motion: "rises",
    },
    means: "A machine is being started for it.",
  },
  retry: {
    word: "retry",
    hue: "grey",
    shape: { mark: "M12.9 5.3A5.6 5.6 0 1 0 13.6 8.6M13.4 2.2v3.4H10" },
    means: "Its worker was lost; the same request is built again.",
  },
  skipped: {
    word: "skipped",
    hue: "grey",
    shape: { body: RING, hollow: true, mark: "M5 8h6" },
    means: "It did not have to run.",
  },
  cancelled: {
    word: "cancelled",
    hue: "grey",
    shape: { body: RING, hollow: true, mark: "M3.7 12.3l8.6-8.6" },
    means: "A person stopped it.",
  },
  pending: {
    word: "not yet",
    hue: "grey",
    shape: { body: "M8 5.5a2.5 2.5 0 1 0 0 5a2.5 2.5 0 1 0 0-5z", hollow: true },
    means: "Its turn has not come.",
  },
  none: {
    word: "never built",
    hue: "grey",
    shape: { mark: "M3.5 8h9" },
    means: "There is no build yet.",
  },
  idle: {
    word: "idle",
    hue: "green",
    shape: { body: "M8 3.5a4.5 4.5 0 1 0 0 9a4.5 4.5 0 1 0 0-9z" },
    means: "Connected, and ready for work.",
  },
  building: {
    word: "building",
    hue: "blue",
    shape: { body: RING, hollow: true, mark: "M8 1.75a6.25 6.25 0 0 1 6.25 6.25", motion: "turns" },
    means: "Connected, and at work.",
  },
  draining: {
    word: "draining",
    hue: "slate",
    shape: { body: RING, hollow: true, mark: "M8 4.6v6M5.6 8.4L8 10.8l2.4-2.4" },
    means: "It finishes its builds, takes no new one, and is then told to exit.",
  },
  paused: {
    word: "paused",
    hue: "slate",
    shape: { body: "M4 2.5h2.8v11H4zM9.2 2.5H12v11H9.2z" },
    means: "A person paused it: no new builds.",
  },
  quarantined: {
    word: "quarantined",
    hue: "orange",
    shape: {
      body: "M8 1.2l5.6 2v4.3c0 3.5-2.4 5.9-5.6 7.3-3.2-1.4-5.6-3.8-5.6-7.3V3.2z",
      mark: "M8 5v3.4M8 10.8v.2",
    },
    means: "It kept failing, so it rests before it is tried again.",
  },
  offline: {
    word: "offline",
    hue: "grey",
    shape: { body: "M8 3.75a4.25 4.25 0 1 0 0 8.5a4.25 4.25 0 1 0 0-8.5z", hollow: true },
    means: "Not connected.",
  },
  dormant: {
    word: "on demand",
    hue: "slate",
    shape: {
      body: RING,
      hollow: true,
      mark: "M10.3 10.4A3.6 3.6 0 0 1 7.1 5a3.6 3.6 0 1 0 3.2 5.4z",
    },
    means: "It has no machine now; one is made when a build wants it.",
  },
  requested: {
    word: "requested",
    hue: "grey",
    shape: { body: RING, hollow: true, mark: "M8 4.6V8l2.4 1.6" },
    means: "The machine has a name; the provider was asked, or is about to be.",
  },
  starting: {
    word: "starting",
    hue: "cyan",
    shape: {
      dots: [
        [3, 11],
        [8, 8],
        [13, 5],
      ],
      motion: "rises",
    },
    means: "The provider makes the machine; its worker has not logged in yet.",
  },
  stopping: {
    word: "stopping",
    hue: "slate",
    shape: {
      dots: [
        [3, 5],
        [8, 8],
        [13, 11],
      ],
    },
    means: "The provider is to take the machine away.",
  },
  gone: {
    word: "gone",
    hue: "grey",
    shape: { body: RING, hollow: true, mark: "M5 8h6" },
    means: "The provider has the machine no more.",
  },
  broken: {
    word: "broken",
    hue: "purple",
    shape: { body: HEXAGON, mark: "M9 3.7L5.8 8.5h4.4L7 12.3" },
    means: "The machine failed by itself.",
  },
  failed: {
    word: "never came",
    hue: "purple",
    shape: { body: HEXAGON, mark: "M5.8 5.8l4.4 4.4M10.2 5.8l-4.4 4.4" },
    means: "The machine was asked for, and its worker never logged in.",
  },
} as const satisfies Record<string, StateLook>;

export type StateName = keyof typeof STATES;

export const look = (name: StateName): StateLook => STATES[name];

const BY_RESULT: Readonly<Record<number, StateName>> = {
  [RESULTS.SUCCESS]: "success",
  [RESULTS.WARNINGS]: "warnings",
  [RESULTS.FAILURE]: "failure",
  [RESULTS.SKIPPED]: "skipped",
  [RESULTS.EXCEPTION]: "exception",
  [RESULTS.RETRY]: "retry",
  [RESULTS.CANCELLED]: "cancelled",
};

/** How a result is shown; null (not over yet) as running. */
export function resultState(result: number | null): StateName {
  return result === null ? "running" : (BY_RESULT[result] ?? "exception");
}

export function buildState(build: { state: string; result: number | null }): StateName {
  if (build.state === "finished") return resultState(build.result);
  return build.state === "preparing" ? "preparing" : "running";
}

export function stepState(step: { state: string; result: number | null }): StateName {
  if (step.state === "pending") return "pending";
  if (step.state === "skipped") return "skipped";
  return step.state === "running" ? "running" : resultState(step.result);
}

/** Worst news first: the order of the board. */
export const NEWS_ORDER: readonly StateName[] = [
  "failure",
  "exception",
  "warnings",
  "running",
  "preparing",
  "retry",
  "cancelled",
  "success",
  "skipped",
  "none",
];

/** Whether a result asks a person to look: opens on its first such step. */
export const isBad = (result: number | null): boolean =>
  result === RESULTS.FAILURE || result === RESULTS.EXCEPTION;
