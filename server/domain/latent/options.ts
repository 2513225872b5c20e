/** What the life cycle needs to know of a latent worker's configuration. Seconds throughout. */
export interface LatentOptions {
  /** Null: the driver's default. 0: a fresh machine for each build. Below 0: never stopped for idleness. */
  readonly buildWaitTimeout: number;
  /** From the wish for a machine to its login; 0: no limit. */
  readonly missingTimeout: number;
  /** Between two looks at a machine that has not logged in yet. */
  readonly checkInstanceInterval: number;
}

/** `build_wait_timeout` where neither the configuration nor the driver says otherwise. */
export const BUILD_WAIT_SECONDS = 600;
/** 20 minutes for every driver. */
export const LATENT_MISSING_SECONDS = 1_200;
export const CHECK_INSTANCE_SECONDS = 10;
/** A machine whose connection is lost has so long to come back before it is stopped (W-140). */
export const LOST_SECONDS = 120;
/** W-144: a machine takes no new builds when it is so old; those it has, have the grace to end. */
export const MAX_LIFETIME_SECONDS = 86_400;
export const MAX_LIFETIME_GRACE_SECONDS = 3_600;
/** From the word that its builds have to stop until a machine goes whatever they do. */
export const END_SECONDS = 240;
/** When it was we who cut it, by a restart, a build that wants the machine waits so long for it. */
export const RETURN_SECONDS = 30;
/** Tries to stop a machine are so far apart at first, twice as far each time up to the last. */
export const STOP_RETRY_SECONDS = { first: 5, last: 300 } as const;
/** A provider that asks to be left alone is left alone so long at most, whatever it says. */
export const LONGEST_PAUSE_SECONDS = 3_600;
/** From then on a machine that cannot be stopped is somebody's business. */
export const STOP_ALARM_SECONDS = 900;

export const stopRetrySeconds = (tries: number) =>
  Math.min(STOP_RETRY_SECONDS.first * 2 ** Math.min(tries, 10), STOP_RETRY_SECONDS.last);

/** A provider has so long to say that it makes a machine, unless its kind says otherwise. */
const START_SECONDS = 600;

/** So long a start may take that is asked for now: no longer than what it is for waits. */
export function startSeconds(
  { missingAt, now }: { readonly missingAt: number | null; readonly now: number },
  most = START_SECONDS,
): number {
  return missingAt === null ? most : Math.min(most, (missingAt - now) / 1_000);
}
