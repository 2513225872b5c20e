/** A program that the supervisor keeps running. */
export interface ChildSpec {
  /** Unique among the children; prefix of its lines. */
  name: string;
  command: string;
  args: string[];
  /** Its whole environment: nothing is inherited. */
  env: NodeJS.ProcessEnv;
  cwd?: string;
  uid?: number;
  gid?: number;
  /**
   * A program that is not ours has no channel to report on: it counts as ready once it runs, is
   * stopped by signal together with all that it started, and after the processes that use it.
   */
  readyOnSpawn?: boolean;
  /** More time than others to stop in order. */
  orderlyMs?: number;
  /** Asks such a program to finish what it does and to end then; it takes the time it needs. */
  retireSignal?: NodeJS.Signals;
}

/** What supervisor and child say to each other over Node's IPC channel. */
export type ToChild = { type: "stop" };
export type FromChild = { type: "ready" };
