/**
 * The states of a latent worker and of the machines made for it.
 *
 * A latent worker is `insubstantiated` until a build wants it. Then it is `substantiating` (a machine
 * is wanted, nobody was asked for one yet), `starting` (the provider was asked, and the machine's
 * worker has not logged in yet) and `substantiated` from its login on; a connection lost later does
 * not change that. `insubstantiating` lasts while its machine is being stopped; a build that comes
 * meanwhile makes that `resubstantiating`, and the next machine is asked for when the old one is gone.
 * `shut-down` is for a worker that is removed, and for all when the installation is shut down for good.
 *
 * Each machine is an instance with states of its own: one that refuses to go stays `stopping` while
 * its worker goes on with the next.
 */
export type LatentState =
  | "insubstantiated"
  | "substantiating"
  | "starting"
  | "substantiated"
  | "insubstantiating"
  | "resubstantiating"
  | "shut-down";

export type InstanceState = "requested" | "starting" | "running" | "stopping" | "gone" | "broken";

type Table<S extends string> = Readonly<
  Record<S, { readonly to: readonly S[]; readonly means: string }>
>;

export const LATENT_WORKER: Table<LatentState> = {
  insubstantiated: {
    to: ["substantiating", "shut-down"],
    means: "nothing runs and nothing is wanted",
  },
  substantiating: {
    to: ["starting", "substantiated", "insubstantiating"],
    means: "a machine is wanted and was not asked for yet",
  },
  starting: {
    to: ["substantiated", "insubstantiating"],
    means: "its machine was asked for and has not logged in yet",
  },
  substantiated: {
    to: ["insubstantiating", "resubstantiating"],
    means: "its machine has logged in",
  },
  insubstantiating: {
    to: ["insubstantiated", "resubstantiating", "shut-down"],
    means: "its machine is being stopped",
  },
  resubstantiating: {
    to: ["substantiating", "insubstantiating"],
    means: "its machine is being stopped, and the next one is wanted already",
  },
  "shut-down": { to: ["insubstantiated"], means: "it starts nothing any more" },
};

export const INSTANCE: Table<InstanceState> = {
  requested: {
    to: ["starting", "running", "stopping", "gone"],
    means: "it has a name; the provider may have heard of it",
  },
  starting: { to: ["running", "stopping", "gone", "broken"], means: "the provider is making it" },
  running: { to: ["stopping", "gone", "broken"], means: "its worker has logged in" },
  stopping: { to: ["gone"], means: "the provider is to take it away" },
  gone: { to: [], means: "the provider has it no more" },
  broken: { to: ["stopping", "gone"], means: "it failed by itself" },
};

/** What happens to a latent worker (T1 to T17 of the specification). */
export type LatentEvent =
  /** A build wants it, and it is connected or has no machine. */
  | "wanted"
  /** A build wants it, and the machine that it had has lost its connection. */
  | "wanted-anew"
  /** Whoever drives it is about to ask the provider. */
  | "started"
  | "attached"
  /** The start failed, took too long, or its machine died before it logged in. */
  | "failed"
  /** Nobody needs it any more: cancelled, idle, steered by a person. */
  | "unwanted"
  | "stopped"
  | "ended"
  | "revived";

const EVENTS: Readonly<Record<LatentEvent, Readonly<Partial<Record<LatentState, LatentState>>>>> = {
  wanted: {
    insubstantiated: "substantiating",
    substantiating: "substantiating",
    starting: "starting",
    substantiated: "substantiated",
    insubstantiating: "resubstantiating",
    resubstantiating: "resubstantiating",
  },
  "wanted-anew": { substantiated: "resubstantiating" },
  started: { substantiating: "starting" },
  // The first of these two: it is connected already and stays for ever (`build_wait_timeout` below 0).
  attached: { substantiating: "substantiated", starting: "substantiated" },
  failed: { substantiating: "insubstantiating", starting: "insubstantiating" },
  unwanted: {
    substantiating: "insubstantiating",
    starting: "insubstantiating",
    substantiated: "insubstantiating",
    resubstantiating: "insubstantiating",
  },
  stopped: { insubstantiating: "insubstantiated", resubstantiating: "substantiating" },
  ended: { insubstantiated: "shut-down", insubstantiating: "shut-down" },
  revived: { "shut-down": "insubstantiated" },
};

/** Where the event leads, or null where it means nothing: a `shut-down` worker answers no to builds. */
export function next(state: LatentState, event: LatentEvent): LatentState | null {
  return EVENTS[event][state] ?? null;
}

/** Whether a machine of it may log in (T6; the same machine may also come again). */
export function mayAttach(state: LatentState): boolean {
  return state === "starting" || state === "substantiated";
}
