/** The environment this program was started with, read once. */
import { type Environment, ownEnvironment } from "../process/environment";

export interface StartEnvironment {
  /** All of it, for settings that are taken from there and for the same program started anew. */
  readonly complete: NodeJS.ProcessEnv;
  /** What builds may see. */
  readonly environ: Environment;
  /** Given by whoever starts a worker for one life: our supervisor, a container, a cloud. */
  readonly password: string | undefined;
  readonly name: string | undefined;
  readonly master: string | undefined;
  readonly protocol: string | undefined;
  /** Slipway has made this machine for it: nobody else ends it when Slipway is no more. */
  readonly isOnDemand: boolean;
}

/** Takes the password out of the environment, so that nothing started later inherits it. */
export function takeEnvironment(): StartEnvironment {
  const source = process.env;
  const complete = { ...source };
  const { WORKERNAME, BUILDMASTER, BUILDMASTER_PORT, BUILDMASTER_PROTOCOL } = source;
  const password = source.SLIPWAY_WORKER_PASSWORD ?? source.WORKERPASS;
  delete source.SLIPWAY_WORKER_PASSWORD;
  delete source.WORKERPASS;
  // A v6 address stands alone there.
  const host = BUILDMASTER?.match(/:.*:/) ? `[${BUILDMASTER}]` : BUILDMASTER;
  const port = BUILDMASTER_PORT === undefined ? "" : `:${BUILDMASTER_PORT}`;
  return {
    complete,
    environ: ownEnvironment(source),
    password,
    name: WORKERNAME,
    master: host === undefined ? undefined : `${host}${port}`,
    protocol: BUILDMASTER_PROTOCOL,
    isOnDemand: source.SLIPWAY_INSTANCE !== undefined,
  };
}
