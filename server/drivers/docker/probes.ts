/** What a test of the settings looks at before it makes a container: the engine, then the image. */
import { DriverError, type Probe } from "../contract";
import type { Engine } from "./engine";
import { driverError } from "./errors";
import { findImage } from "./images";
import { pullAccess, registrySecrets } from "./registry";
import type { DockerConfig } from "./schema";

export function dockerProbes(
  config: DockerConfig,
  open: (signal: AbortSignal) => Engine,
): readonly Probe[] {
  const probe = (
    covers: Probe["covers"],
    failed: string,
    look: (engine: Engine) => Promise<string>,
  ): Probe => ({
    covers,
    async look(signal) {
      try {
        return await look(open(signal));
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        throw driverError(failed, error);
      }
    },
  });
  return [
    probe(["reach", "authenticate"], "the engine could not be asked", async (engine) => {
      return `${await engine.whatRuns()} answers at ${config.docker_host}`;
    }),
    probe(["find"], "the image could not be looked for", (engine) => image(engine, config)),
  ];
}

async function image(engine: Engine, config: DockerConfig): Promise<string> {
  const { image: name, dockerfile, autopull, alwaysPull } = config;
  if (name == null) return "an image is built for each container";
  const found = await findImage(engine, name, () => {});
  if (found !== null && !(autopull && alwaysPull && dockerfile == null)) {
    return found === name ? `image ${name} is there` : `image ${found} is there`;
  }
  if (dockerfile != null) return `image ${name} is not there: it is built when it is needed`;
  if (autopull) return atRegistry(engine, config, name, found !== null);
  const words = `image ${name} not found on docker host: build or pull it there, or set autopull`;
  throw new DriverError("bad-configuration", words);
}

async function atRegistry(
  engine: Engine,
  config: DockerConfig,
  name: string,
  isThere: boolean,
): Promise<string> {
  const when = isThere
    ? `image ${name} is there, and is pulled for each container`
    : `image ${name} is not there: it is pulled when it is needed`;
  try {
    const isKnown = await engine.isAtRegistry(name, pullAccess(config, name));
    if (isKnown === null) return when;
    if (isKnown) return `${when}; its registry has it`;
  } catch (error) {
    throw driverError(`image ${name} cannot be pulled`, error, registrySecrets(config));
  }
  const words = `image ${name} cannot be pulled: its registry has none of that name and tag`;
  throw new DriverError("bad-configuration", words);
}
