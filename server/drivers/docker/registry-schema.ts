/**
 * `registry_auth`: as whom the engine asks a registry. Whoever chooses the registry gets the password
 * sent, so it goes to one registry alone: the one that is named, or the one that stands in `image`.
 */
import { z } from "zod";
import { isTemplate } from "../../domain/properties";

const NO_REGISTRY = "must be a registry, such as registry.example.org:5000 or docker.io";

export const registryAuthSchema = z.strictObject({
  username: z.string().min(1, "must not be empty").max(1_000).meta({
    description: "As the registry knows it; of a token that is what the registry's manual says.",
  }),
  password: z.string().min(1, "must not be empty").max(65_536).meta({
    description: "The password, or a token that may pull.",
    secret: true,
  }),
  serveraddress: z
    .string()
    .refine((text) => registryNamed(text) !== null, NO_REGISTRY)
    .nullish()
    .meta({
      description:
        "The registry that it is for, such as registry.example.org:5000; left out: the one in image.",
    }),
});
export type RegistryAuth = z.output<typeof registryAuthSchema>;

/** The one that is asked where an image names none. */
export const DOCKER_HUB = "docker.io";
const HUB_NAMES = [
  "docker.io",
  "index.docker.io",
  "registry-1.docker.io",
  "registry.hub.docker.com",
];

/** @returns the registry of a text such as people have it from their manuals; null: it is none */
export function registryNamed(text: string): string | null {
  const [, host] =
    /^(?:https?:\/\/)?([A-Za-z0-9.-]+(?::\d{1,5})?)(?:\/(?:v[12]\/?)?)?$/.exec(text) ?? [];
  if (host === undefined || !/^[A-Za-z0-9]/.test(host)) return null;
  return HUB_NAMES.includes(host.toLowerCase()) ? DOCKER_HUB : host.toLowerCase();
}

/** Where an engine looks for an image of this name. */
export function registryOf(image: string): string {
  const [first = "", ...rest] = image.split("/");
  const isHost = rest.length > 0 && (/[.:]/.test(first) || first === "localhost");
  return (isHost ? registryNamed(first) : null) ?? DOCKER_HUB;
}

/**
 * The registry that the password is for.
 * @returns null when that would be for a build to say
 */
export function registryFor(
  { serveraddress }: Pick<RegistryAuth, "serveraddress">,
  image: unknown,
): string | null {
  if (serveraddress != null) return registryNamed(serveraddress);
  return typeof image === "string" && !isTemplate(image) ? registryOf(image) : null;
}
