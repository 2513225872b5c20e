/**
 * A driver as a machine needs it: with the options that it was made with, whatever they are now (R8),
 * and with the secrets that they name, read at this moment and forgotten with the driver. What the
 * provider says of them, in an error or a line, reaches nobody; what it says otherwise can be stored,
 * whichever characters it is made of: what could not would be an error for ever, and never told.
 */
import { storableText } from "../../db/json-text";
import { AppError } from "../../domain/errors";
import type { OrgId } from "../../domain/ids";
import { type JsonValue, RenderError, renderTree, secretsIn } from "../../domain/properties";
import { MIN_HIDDEN_BYTES } from "../../domain/secrets";
import {
  DriverError,
  type InstanceHandle,
  type LatentDriver,
  type LatentDriverKind,
  type Surroundings,
  UNHEARD,
} from "../../drivers/contract";

export interface DriverAccess {
  /** By the class name of a worker. */
  readonly kinds: ReadonlyMap<string, LatentDriverKind>;
  /** Those of the names that the organisation has. */
  readonly reveal: (orgId: OrgId, names: readonly string[]) => Promise<ReadonlyMap<string, string>>;
}

export interface Opening {
  readonly orgId: OrgId;
  /** Class name of the worker, and all of its options. */
  readonly kind: string;
  readonly config: unknown;
}

/** @throws DriverError when it cannot be opened as it is configured */
export async function openDriver(
  { kinds, reveal }: DriverAccess,
  { orgId, kind: type, config }: Opening,
  { note, ended }: Surroundings = UNHEARD,
): Promise<LatentDriver> {
  const kind = kinds.get(type);
  if (!kind) throw new DriverError("bad-configuration", `there is no driver for ${type}`);
  const own = ownOptions(config);
  const names = secretsIn(own);
  const secrets = names.length > 0 ? await revealed(reveal(orgId, names)) : NO_SECRETS;
  const hide = hiding(secrets);
  const rendered = renderedWith(own, secrets);
  const options = kind.schema.safeParse(rendered);
  if (!options.success) {
    const [issue] = options.error.issues;
    const where = issue?.path.join(".") || "its options";
    throw new DriverError("bad-configuration", hide(`${where}: ${issue?.message ?? "is wrong"}`));
  }
  const told = (text: string) => storableText(bothEnds(hide(text)));
  const driver = kind.open(options.data, {
    note: (line, of) => note(told(line), of),
    ...(ended && { ended }),
  });
  return discreet(driver, told);
}

/** It is kept with the machine, its builds and its worker, and mailed. */
const MOST_WORDS = 20_000;

function bothEnds(text: string): string {
  if (text.length <= MOST_WORDS) return text;
  return `${text.slice(0, MOST_WORDS / 2)} … ${text.slice(-MOST_WORDS / 2)}`;
}

const NO_SECRETS: ReadonlyMap<string, string> = new Map();

/** One that cannot be read will not be read in a minute, and somebody has to be told. */
async function revealed(
  reading: Promise<ReadonlyMap<string, string>>,
): Promise<ReadonlyMap<string, string>> {
  try {
    return await reading;
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "secret.unreadable") throw error;
    throw new DriverError("bad-configuration", error.message, { cause: error });
  }
}

/** What the worker has in common with others is not the driver's, and not rendered for it. */
function ownOptions(config: unknown): JsonValue {
  const { properties: _, defaultProperties: __, ...own } = config as Record<string, JsonValue>;
  return own;
}

function renderedWith(config: JsonValue, secrets: ReadonlyMap<string, string>): JsonValue {
  try {
    return renderTree(config, { properties: {}, secrets });
  } catch (error) {
    if (!(error instanceof RenderError)) throw error;
    throw new DriverError("bad-configuration", error.message);
  }
}

function hiding(secrets: ReadonlyMap<string, string>): (text: string) => string {
  // A secret may be part of another one, and each line of one that has several is as secret as all.
  const hidden = [...secrets]
    .flatMap(([name, value]) =>
      [value, ...value.split(/\r?\n/)].map((each) => [name, each] as const),
    )
    .filter(([, value]) => value.length >= MIN_HIDDEN_BYTES)
    .sort(([, one], [, other]) => other.length - one.length);
  return (text) =>
    hidden.reduce((said, [name, value]) => said.replaceAll(value, `<${name}>`), text);
}

function discreet(driver: LatentDriver, told: (text: string) => string): LatentDriver {
  const guarded = async <T>(answer: Promise<T>): Promise<T> => {
    try {
      return await answer;
    } catch (error) {
      if (error instanceof DriverError) {
        const { code, message, nothingMade, retryAfterSeconds } = error;
        throw new DriverError(code, told(message), { nothingMade, retryAfterSeconds });
      }
      // A fault of the driver's may tell what it was given; the reason of a signal does not.
      const said = error instanceof Error ? error.message : String(error);
      throw told(said) === said ? error : new Error(told(said));
    }
  };
  const { probes, printed } = driver;
  return {
    ...(printed && {
      printed: async (handle: InstanceHandle, signal: AbortSignal) =>
        told(await guarded(printed.call(driver, handle, signal))),
    }),
    ...(probes && {
      probes: probes.map(({ covers, look }) => ({
        covers,
        look: async (signal: AbortSignal) => told(await guarded(look(signal))),
      })),
    }),
    start: (order, signal) => guarded(driver.start(order, signal)),
    stop: (handle, how, signal) => guarded(driver.stop(handle, how, signal)),
    list: (owner, signal, tell) =>
      guarded(
        driver.list(owner, signal, ({ name, why }) => tell?.({ name: told(name), why: told(why) })),
      ),
    async inspect(handle, signal) {
      const report = await guarded(driver.inspect(handle, signal));
      return { ...report, why: told(report.why) };
    },
  };
}
