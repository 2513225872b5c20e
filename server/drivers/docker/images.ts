/**
 * The image that a container is made of (§10.1): the one that is named, built from the Dockerfile when
 * it is not there, pulled when that is allowed; or one of the container's own, which goes with it.
 */
import { DriverError, type StartOrder } from "../contract";
import { contextArchive, dockerfileArchive } from "./archive";
import type { Engine } from "./engine";
import { driverError, EngineRefusal, without } from "./errors";
import { labelsOf } from "./labels";
import { buildAccess, pullAccess, registrySecrets } from "./registry";
import type { DockerConfig } from "./schema";

export interface Workshop {
  /** Archives that images are built from lie here; null: none is read. */
  readonly contexts: string | null;
  readonly note: (line: string) => void;
}

/** The image that is built for one container alone. */
export const privateImage = (key: string) => `slipway-private:${key}`;

/** @throws DriverError `bad-configuration`: there is none and there will be none */
export async function provideImage(
  engine: Engine,
  config: DockerConfig,
  order: StartOrder,
  workshop: Workshop,
): Promise<string> {
  const { dockerfile } = config;
  const wanted = config.image ?? privateImage(order.key);
  const found = await findImage(engine, wanted, workshop.note);
  if (found === null && dockerfile != null) {
    await build(engine, config, wanted, order, workshop);
    return wanted;
  }
  // What was built here is at no registry.
  const isPulled = config.autopull && dockerfile == null && (found === null || config.alwaysPull);
  if (isPulled) await pull(engine, config, wanted, workshop.note);
  const name = isPulled ? await findImage(engine, wanted, workshop.note) : found;
  if (name !== null) return name;
  const words = `image ${wanted} not found on docker host: build or pull it there, or set autopull`;
  throw new DriverError("bad-configuration", words);
}

/** A name without a tag means any: the usual one, else the newest. */
export async function findImage(
  engine: Engine,
  name: string,
  note: (line: string) => void,
): Promise<string | null> {
  if ((await engine.image(name)) !== null) return name;
  if (hasTag(name)) return null;
  const images = await engine.images({ reference: [name] });
  const [newest] = images.sort((one, other) => other.Created - one.Created);
  const tag = newest?.RepoTags?.find((each) => each !== "<none>:<none>");
  if (tag === undefined) return null;
  note(`image ${name} has no tag latest: ${tag} is taken`);
  return tag;
}

const hasTag = (name: string) => name.includes("@") || /:[^/]*$/.test(name);

async function build(
  engine: Engine,
  config: DockerConfig,
  name: string,
  { key, tag }: StartOrder,
  { contexts, note }: Workshop,
): Promise<void> {
  const { dockerfile, target, buildargs, alwaysPull, encoding } = config;
  const hidden = registrySecrets(config);
  const registryconfig = buildAccess(config);
  const archive = config.custom_context
    ? await contextArchive({ path: dockerfile ?? "", folder: contexts, encoding, note })
    : dockerfileArchive(dockerfile ?? "");
  note(`image ${name} is built`);
  const said: string[] = [];
  try {
    await engine.build(
      archive,
      {
        ...{ t: name, pull: alwaysPull },
        ...(target !== "" && { target }),
        ...(buildargs != null && { buildargs }),
        ...(registryconfig && { registryconfig }),
        // Whatever is found with them and has no container is left over.
        ...(config.image == null && { labels: labelsOf(key, tag) }),
      },
      (text) => {
        const line = without(hidden, text);
        note(line);
        said.push(line);
        if (said.length > LAST_LINES) said.shift();
      },
    );
  } catch (error) {
    // What a Dockerfile does not build today it does not build tomorrow.
    const why = cutShort(error, name, "built", said.at(-1) ?? "");
    throw driverError(`image ${name} could not be built`, asConfigured(why, said), hidden);
  }
}

async function pull(
  engine: Engine,
  config: DockerConfig,
  name: string,
  note: (line: string) => void,
): Promise<void> {
  const hidden = registrySecrets(config);
  note(`image ${name} is pulled`);
  let last = "";
  try {
    await engine.pull(name, pullAccess(config, name), (line) => {
      last = without(hidden, line);
      note(last);
    });
  } catch (error) {
    const isUnknown = error instanceof EngineRefusal && error.status === 404;
    const said = isUnknown ? asConfigured(error) : cutShort(error, name, "pulled", last);
    throw driverError(`image ${name} could not be pulled`, said, hidden);
  }
}

/** Its time was up: what it was at. */
function cutShort(error: unknown, image: string, done: "pulled" | "built", last: string): unknown {
  if (!(error instanceof DriverError)) return error;
  const words = last === "" ? "The engine said nothing of it" : `The last it said was: ${last}`;
  return new DriverError(
    error.code,
    `image ${image} could not be ${done} in time: ${error.message}. ${words}`,
    { cause: error },
  );
}

/** Of a build that failed. */
const LAST_LINES = 20;

function asConfigured(error: unknown, said: readonly string[] = []): unknown {
  if (!(error instanceof EngineRefusal)) return error;
  const words = said.join("\n").trim();
  return new EngineRefusal(400, words ? `${error.message}. It said:\n${words}` : error.message);
}
