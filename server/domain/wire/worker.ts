/** What a worker says of itself, and what it is told, whatever the protocol. */

/** `getWorkerInfo` (protocol §2.9, spec W-053 to W-056), decoded and bounded. */
export interface WorkerFacts {
  readonly version: string;
  readonly system: string;
  readonly basedir: string;
  readonly numcpus: number | null;
  /** Command name → version the worker knows it in. */
  readonly workerCommands: Readonly<Record<string, string>>;
  /** The worker's environment; may hold credentials, shown to maintainers only. */
  readonly environ: Readonly<Record<string, string>>;
  /** Files of `info/` by name (`admin`, `host`, `access_uri`, …), `os_*` keys, and the rest. */
  readonly info: Readonly<Record<string, string>>;
  /** The mark of a worker process that keeps its commands (`keep.ts`); null for all others. */
  readonly keeps: string | null;
}

/** One builder a worker serves, with its directory below the worker's `basedir`. */
export interface BuilderRef {
  readonly name: string;
  readonly builddir: string;
}
