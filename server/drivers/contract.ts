/**
 * The seam between the fleet and a cloud: how the machine of a latent worker is made.
 *
 * A driver is four verbs over one account at a provider, opened with that account's configuration.
 * Names, passwords, retries, deadlines and records are the fleet's: it writes what it is about to do
 * before it calls, and may die at any moment, so that every verb is called again by somebody else.
 *
 *  - A machine is known by its `key`. The same key means the same machine, whoever asks and however
 *    often: a second `start` finds what the first one made. A handle whose `ref` is null is looked for
 *    by its key; what a driver puts into `ref` only makes that quicker.
 *  - Every machine carries its tag from its first moment on, so that `list` finds it although whoever
 *    made it never learned that it had.
 *  - A driver throws `DriverError` and nothing else, apart from the reason of a signal that fired. It
 *    never waits longer than the provider needs to answer; the fleet asks again.
 */
import { z } from "zod";
import type { DriverErrorCode, ProbeStage } from "../domain/latent";

/**
 * A machine's key in the environment of its worker, where its driver sets one: by it a machine is known
 * whose password, as the configuration has it, is that of its predecessors too.
 */
export const INSTANCE_VARIABLE = "SLIPWAY_INSTANCE";

/** Whose a machine is: this installation's. */
export interface OwnerTag {
  readonly installation: string;
}

/** What stands on a machine. */
export interface InstanceTag extends OwnerTag {
  readonly organization: number;
  readonly worker: number;
  /** The how manieth machine of its worker: whatever belongs to another one is not let in. */
  readonly generation: number;
}

export const instanceTagSchema = z.object({
  installation: z.string(),
  organization: z.number().int(),
  worker: z.number().int(),
  generation: z.number().int(),
});

/**
 * A machine's key, where it is read again from what others may have written: it is a part of names and of
 * paths.
 */
export const machineKeySchema = z.string().regex(/^[a-z0-9-]{1,63}$/, "is no key of a machine");

/** What the worker on the machine needs to log in. */
export interface AgentLogin {
  readonly host: string;
  readonly port: number;
  readonly protocol: "pb" | "msgpack";
  readonly name: string;
  readonly password: string;
}

export interface StartOrder {
  /** Lower case letters, digits and hyphens, at most 63 (`machineKeySchema`): a name at any provider. */
  readonly key: string;
  readonly tag: InstanceTag;
  readonly agent: AgentLogin;
}

export interface InstanceHandle {
  readonly key: string;
  readonly tag: InstanceTag;
  /** Whatever the driver wants to be given again; it is stored as JSON. */
  readonly ref: unknown;
  /** When the provider says it was made, in milliseconds since the epoch. */
  readonly madeAt: number | null;
}

/** What stands at a provider under our name and is no machine of ours, or cannot be read: left alone. */
export interface Unclear {
  /** What the provider calls it. */
  readonly name: string;
  /** For a person. */
  readonly why: string;
}

export interface InstanceReport {
  /**
   * pending: it will run, or is not to be seen yet. running: it runs, its worker may not. gone: the
   * provider has it no more. broken: it is there and will never run.
   */
  readonly state: "pending" | "running" | "gone" | "broken";
  /** For a person: the provider's words, the last lines of its console. */
  readonly why: string;
}

export interface LatentDriver {
  start(order: StartOrder, signal: AbortSignal): Promise<InstanceHandle>;
  inspect(handle: InstanceHandle, signal: AbortSignal): Promise<InstanceReport>;
  /** Resolves when it is gone, was gone before, or (`now`) is surely going. */
  stop(handle: InstanceHandle, how: "graceful" | "now", signal: AbortSignal): Promise<void>;
  /**
   * What it printed last, for whoever has to know why its worker did not come; empty: nothing is known.
   * Without the machine's password.
   */
  printed?(handle: InstanceHandle, signal: AbortSignal): Promise<string>;
  /**
   * Everything of ours in this account, also what is only just coming or going.
   * @param tell of what carries our name and is not listed
   */
  list(
    owner: OwnerTag,
    signal: AbortSignal,
    tell?: (unclear: Unclear) => void,
  ): Promise<readonly InstanceHandle[]>;
  /**
   * For a test of the settings: what can be looked at without making anything, in its order. A driver
   * that cannot tell reaching from authenticating has them as one probe.
   */
  readonly probes?: readonly Probe[];
}

export interface Probe {
  readonly covers: readonly ProbeStage[];
  /** In a person's words, what is there; throws DriverError like any verb. */
  look(signal: AbortSignal): Promise<string>;
}

/** What a driver has of us besides its options. */
export interface Surroundings {
  /**
   * A line of the start-up log, which those who wait for the machine read while they do. Kept short by
   * whoever hears it; never waits.
   * @param of absent: what the provider is at, which is always heard. machine: what the machine itself
   *   prints, for those who asked for it (`followStartupLogs`)
   */
  readonly note: (line: string, of?: "machine") => void;
  /**
   * The machine has ended by itself, or so it seems: it is asked after now instead of at its next look.
   * A driver whose provider says such a thing without being asked may call it, for any of the machines
   * that it started or looked at, once more than needed or never. Absent: nobody wants to hear it.
   */
  readonly ended?: () => void;
}

/** Of a driver to whose words nobody listens. */
export const UNHEARD: Surroundings = { note() {} };

/** A kind of driver: what its configuration is, and what the fleet has to know of its provider. */
export interface LatentDriverKind<Config = unknown> {
  readonly kind: string;
  readonly schema: z.ZodType<Config>;
  readonly billing: "second" | "started-hour" | "free";
  /** Options that make the account whose machines `list` gives; absent: all of them. */
  readonly accountOptions?: readonly string[];
  /** So long its `start` may take, within what the machine has to log in; absent: ten minutes. */
  readonly startSeconds?: number;
  /** So long a new machine may be missing from the provider's list. */
  readonly listingLagSeconds: number;
  /** So many calls of a kind at once for one account, in each process; absent: a few tens. */
  readonly startsAtOnce?: number;
  /**
   * @param config with every value in its place, secrets too: what it says of them, in an error or a
   *   line, is hidden by whoever opened it
   */
  open(config: Config, surroundings: Surroundings): LatentDriver;
}

export interface DriverErrorOptions extends ErrorOptions {
  /** Of `start`: the provider was never asked for a machine, so that there is none to be stopped. */
  readonly nothingMade?: boolean;
  /** The provider wants to be asked again after so long, and not before (429 or 503 with Retry-After). */
  readonly retryAfterSeconds?: number | null;
}

export class DriverError extends Error {
  override readonly name = "DriverError";
  readonly nothingMade: boolean;
  readonly retryAfterSeconds: number | null;

  constructor(
    readonly code: DriverErrorCode,
    message: string,
    { nothingMade = false, retryAfterSeconds = null, ...options }: DriverErrorOptions = {},
  ) {
    super(message, options);
    this.nothingMade = nothingMade;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** For what comes before a provider is asked for a machine: an error of it says that none was made. */
export async function beforeAnyMachine<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DriverError)) throw error;
    const { code, message, retryAfterSeconds } = error;
    throw new DriverError(code, message, { cause: error, nothingMade: true, retryAfterSeconds });
  }
}
