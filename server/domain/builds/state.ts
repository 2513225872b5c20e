/**
 * The states of a build request, a build, a step and a log.
 *
 * A request waits (`pending`) until the distributor claims it for a worker (`claimed`); it is
 * `done` with its last build, goes back to `pending` when that build ends in RETRY, and is
 * `cancelled` when a person takes it back before it ran, or its builder is removed.
 *
 * A build is `preparing` from its claim until its first step may run, `running` while steps run,
 * `finishing` while its logs are closed, and `finished` with a result for ever.
 */
import { INSTANCE, type InstanceState, LATENT_WORKER, type LatentState } from "../latent/state";

export type BuildRequestState = "pending" | "claimed" | "done" | "cancelled";
export type BuildState = "preparing" | "running" | "finishing" | "finished";
export type StepState = "pending" | "running" | "finished" | "skipped";
export type LogState = "open" | "finished" | "archived" | "expired";

type Table<S extends string> = Readonly<
  Record<S, { readonly to: readonly S[]; readonly means: string }>
>;

export const BUILD_REQUEST: Table<BuildRequestState> = {
  pending: { to: ["claimed", "cancelled", "done"], means: "waits for a worker" },
  claimed: { to: ["done", "pending", "cancelled"], means: "has a build" },
  done: { to: [], means: "its last build is finished" },
  cancelled: { to: [], means: "taken back before it ran" },
};

export const BUILD: Table<BuildState> = {
  preparing: { to: ["running", "finished"], means: "its worker is being made ready" },
  running: { to: ["finishing", "finished"], means: "its steps run" },
  finishing: { to: ["finished"], means: "its logs are being closed" },
  finished: { to: [], means: "over, with a result" },
};

export const STEP: Table<StepState> = {
  pending: { to: ["running", "skipped", "finished"], means: "its turn has not come" },
  running: { to: ["finished"], means: "runs on the worker" },
  finished: { to: [], means: "over, with a result" },
  skipped: { to: [], means: "never ran" },
};

export const LOG: Table<LogState> = {
  open: { to: ["finished"], means: "may grow" },
  finished: { to: ["archived", "expired"], means: "complete" },
  archived: { to: ["expired"], means: "complete, stored elsewhere" },
  expired: { to: [], means: "deleted, its age passed the log horizon" },
};

export interface Machines {
  build_request: BuildRequestState;
  build: BuildState;
  step: StepState;
  log: LogState;
  instance: InstanceState;
  latent_worker: LatentState;
}

const TABLES: { readonly [K in keyof Machines]: Table<Machines[K]> } = {
  build_request: BUILD_REQUEST,
  build: BUILD,
  step: STEP,
  log: LOG,
  instance: INSTANCE,
  latent_worker: LATENT_WORKER,
};

/** Whether the machine knows this change; every writer of a state asks first. */
export function mayGo<K extends keyof Machines>(
  machine: K,
  from: Machines[K],
  to: Machines[K],
): boolean {
  return TABLES[machine][from].to.includes(to);
}
