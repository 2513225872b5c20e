/** What an engine is given to ask a registry with. */
import { DOCKER_HUB, type RegistryAuth, registryFor, registryOf } from "./registry-schema";
import type { DockerConfig } from "./schema";

/** Headers' values, as the modem of `dockerode` hands them on. */
export interface Encoded {
  readonly base64: string;
}

/** For a pull: nothing when the image is another registry's. */
export function pullAccess(
  { image, registry_auth: auth }: Pick<DockerConfig, "image" | "registry_auth">,
  wanted: string,
): Encoded | undefined {
  if (auth == null || registryFor(auth, image) !== registryOf(wanted)) return undefined;
  return encoded(credentials(auth, registryOf(wanted)));
}

/** For a build: the engine takes those of the registry that it comes to. */
export function buildAccess({
  image,
  registry_auth: auth,
}: Pick<DockerConfig, "image" | "registry_auth">): Encoded | undefined {
  const registry = auth == null ? null : registryFor(auth, image);
  if (auth == null || registry === null) return undefined;
  return encoded({ [addressOf(registry)]: credentials(auth, registry) });
}

/** What must not be read in what engine and registry say. */
export function registrySecrets(config: Pick<DockerConfig, "image" | "registry_auth">): string[] {
  const { image, registry_auth: auth } = config;
  if (auth == null) return [];
  const { username, password } = auth;
  const sent = [pullAccess(config, image ?? ""), buildAccess(config)];
  return [
    ...sent.flatMap((access) => access?.base64 ?? []),
    ...[password, Buffer.from(`${username}:${password}`).toString("base64")],
  ];
}

const credentials = ({ username, password }: RegistryAuth, registry: string) => ({
  ...{ username, password, serveraddress: addressOf(registry) },
});

/** Under this one the engine has the first registry that there was. */
const addressOf = (name: string) => (name === DOCKER_HUB ? "https://index.docker.io/v1/" : name);

/** In letters that need no escape, and padded: an engine takes anything else for no credentials at all. */
function encoded(value: object): Encoded {
  const base64 = Buffer.from(JSON.stringify(value)).toString("base64");
  return { base64: base64.replaceAll("+", "-").replaceAll("/", "_") };
}
