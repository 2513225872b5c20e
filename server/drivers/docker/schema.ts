/** The options of a DockerLatentWorker (WORKERS §10.1). Their names are Buildbot's own. */
import { z } from "zod";
import { isTemplate, secretsIn } from "../../domain/properties";
import { agentOptions } from "../agent-schema";
import { hostedProblem, isOwnHost, readDockerHost } from "./docker-host-schema";
import { hostconfigSchema } from "./hostconfig-schema";
import { registryAuthSchema, registryFor } from "./registry-schema";
import { readVolume } from "./volume-schema";

/** A text that may be a template, and is looked at when it is none. */
const written = (problemOf: (text: string) => string | null) =>
  z.string().superRefine((value, context) => {
    const problem = isTemplate(value) ? null : problemOf(value);
    if (problem !== null) context.addIssue({ code: "custom", message: problem });
  });

const told = <T>(read: (text: string) => T | string) => {
  return (text: string): string | null => {
    const answer = read(text);
    return typeof answer === "string" ? answer : null;
  };
};

const imageProblem = (text: string): string | null => {
  if (text === "") return "must not be empty";
  if (/[\p{C}\s]/u.test(text)) return "must not have spaces or control characters";
  return /^[\w.:/@-]{1,500}$/.test(text) ? null : "is not the name of an image";
};

const hostnameProblem = (text: string): string | null =>
  /^[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?$/.test(text) ? null : "is not a host's name";

const pem = (what: string) =>
  z
    .string()
    .min(1, "must not be empty")
    .max(65_536)
    .refine(
      (value) => secretsIn(value).length > 0 || value.includes("-----BEGIN "),
      `must be ${what} in PEM, or a secret with it: %(secret:NAME)s`,
    );

const tls = z
  .strictObject({
    ca: pem("the certificate of an authority").optional().meta({
      description: "Who signs the engine's certificate; left out: a public authority.",
      secret: true,
    }),
    cert: pem("a certificate").optional().meta({
      description: "What we show to the engine.",
      secret: true,
    }),
    key: pem("a private key").optional().meta({
      description: "Of the certificate that we show.",
      secret: true,
    }),
    verify: z.boolean().optional().meta({
      description:
        "Whether the engine's certificate has to be valid for its address; left out: it has to.",
    }),
  })
  .refine(({ cert, key }) => (cert === undefined) === (key === undefined), {
    message: "cert and key go together",
  });

export const dockerLatentOptions = {
  docker_host: written(told(readDockerHost)).meta({
    description: "Where the engine listens: unix:///var/run/docker.sock, tcp://HOST:PORT.",
    renderable: true,
  }),
  image: written(imageProblem).nullish().meta({
    description: "The image that starts a worker. Needed unless there is a dockerfile.",
    renderable: true,
  }),
  command: z
    .union([z.string().max(10_000), z.array(z.string().max(10_000)).max(1_000)], {
      error: "must be a text or a list of texts",
    })
    .optional()
    .meta({ description: "In place of the command of the image; left out: the image's own." }),
  volumes: z
    .array(written(told(readVolume)), { error: "must be a list of SOURCE:TARGET[:MODES]" })
    .max(100)
    .optional()
    .meta({
      description: "What the container sees of its host: SOURCE:TARGET, with :ro, :rw, :z, :Z.",
      renderable: true,
    }),
  dockerfile: z.string().min(1, "must not be empty").max(100_000).nullish().meta({
    description:
      "The text of a Dockerfile, from which the image is built when it is not there. With custom_context: the path of an archive.",
    renderable: true,
    multiline: true,
  }),
  version: z
    .string()
    .regex(/^(auto|v?\d{1,2}\.\d{1,3})$/, "must be a version of the engine's API, such as 1.41")
    .nullish()
    .meta({ description: "Version of the engine's API; left out: the newest that both know." }),
  tls: tls.nullish().meta({ description: "How to talk to an engine that is exposed over TLS." }),
  followStartupLogs: z.boolean().optional().meta({
    description: "Copy what the container prints to the log of the build until its worker is here.",
  }),
  ...agentOptions,
  hostconfig: hostconfigSchema.optional().meta({
    description:
      "How the container is held by its host: {mem_limit: 2g, network_mode: host}. init is on unless said otherwise.",
    renderable: true,
  }),
  autopull: z.boolean().optional().meta({
    description: "Pull the image when it is not on the host.",
  }),
  alwaysPull: z.boolean().optional().meta({
    description:
      "Pull the image for each container, if autopull is on too. With a dockerfile: the image that it begins FROM.",
  }),
  registry_auth: registryAuthSchema.nullish().meta({
    description:
      "As whom the engine asks the registry that an image is pulled from; left out: as the engine does by itself, without a password.",
  }),
  target: z.string().max(200).optional().meta({
    description: "The stage of a Dockerfile with several.",
    renderable: true,
  }),
  custom_context: z.boolean().optional().meta({
    description: "Whether dockerfile is the path of an archive that a Dockerfile lies in.",
    renderable: true,
  }),
  encoding: z
    .enum(["gzip", "bzip", "bzip2", "xz", "identity"], {
      error: "must be gzip, bzip, bzip2, xz or identity",
    })
    .optional()
    .meta({
      description:
        "How the archive of a custom_context is compressed; gzip: one that is not yet is, on its way.",
      renderable: true,
    }),
  buildargs: z
    .record(z.string(), z.string("must be a text (write numbers in quotes)"))
    .nullish()
    .meta({ description: "Build arguments of the dockerfile.", renderable: true }),
  hostname: written(hostnameProblem)
    .nullish()
    .meta({ description: "What the container takes itself for.", renderable: true }),
} as const;

/** Those that are rendered for the build that a machine is made for (W-120). */
export const DOCKER_RENDERED = Object.entries(dockerLatentOptions)
  .filter(([, schema]) => schema.meta()?.renderable === true)
  .map(([name]) => name);

/** What counts where nothing is written. */
const DEFAULTS = {
  command: [] as string | string[],
  volumes: [] as string[],
  hostconfig: {} as z.output<typeof hostconfigSchema>,
  followStartupLogs: false,
  autopull: false,
  alwaysPull: false,
  custom_context: false,
  target: "",
};

const shape = z.object(dockerLatentOptions);

export interface OptionProblem {
  readonly path: readonly string[];
  readonly message: string;
}

type Options = Readonly<Record<string, unknown>>;

/** What no schema of one option says: of several together, or of where this is. */
export function dockerProblems(
  { image, dockerfile, docker_host: text, custom_context, registry_auth: auth }: Options,
  { isHosted = false }: { readonly isHosted?: boolean } = {},
): OptionProblem[] {
  const problems: OptionProblem[] = [];
  if (image == null && dockerfile == null) {
    problems.push({ path: [], message: "needs an image, or a dockerfile to build one from" });
  }
  const access = registryAuthSchema.nullish().safeParse(auth);
  if (access.data && registryFor(access.data, image) === null) {
    const message =
      "needs its serveraddress: where image stands open, so does who gets the password";
    problems.push({ path: ["registry_auth"], message });
  }
  const at = typeof text === "string" && !isTemplate(text) ? readDockerHost(text) : "";
  const own = isHosted && typeof at !== "string" ? hostedProblem(at) : null;
  if (own !== null) problems.push({ path: ["docker_host"], message: own });
  if (isHosted && custom_context === true) {
    const message =
      "reads a file of the server's own host, which this installation lends to nobody";
    problems.push({ path: ["custom_context"], message });
  }
  return problems;
}

/** What is worth knowing of options that are right. */
export function dockerWarnings({
  docker_host: text,
  tls: secured,
  registry_auth: auth,
  autopull,
  dockerfile,
}: Options): OptionProblem[] {
  const warnings: OptionProblem[] = [];
  const warn = (option: string, message: string) => warnings.push({ path: [option], message });
  if (auth != null && autopull !== true && dockerfile == null) {
    warn("registry_auth", "is not used: nothing is pulled without autopull");
  }
  if (typeof text === "string" && isTemplate(text)) {
    warn(
      "docker_host",
      "stands open: whoever chooses it for a build gets what the container is given",
    );
  }
  const at = typeof text === "string" && !isTemplate(text) ? readDockerHost(text) : "";
  if (typeof at === "string") return warnings;
  if (isOwnHost(at)) warn("docker_host", "is the server's own host: builds share its processors");
  if (!("socketPath" in at) && !at.isTls && secured == null) {
    warn("docker_host", "is asked without tls: whoever reaches it controls its host");
  }
  return warnings;
}

/** What looks like a template now is the value of a property, and is looked at like any other. */
function finalProblems({ docker_host, image, hostname, volumes = [] }: z.output<typeof shape>) {
  const texts = [
    { path: ["docker_host"], text: docker_host, problemOf: told(readDockerHost) },
    { path: ["image"], text: image, problemOf: imageProblem },
    { path: ["hostname"], text: hostname, problemOf: hostnameProblem },
    ...volumes.map((text, n) => ({ path: ["volumes", `${n}`], text, problemOf: told(readVolume) })),
  ];
  return texts.flatMap(({ path, text, problemOf }): OptionProblem[] => {
    const message = typeof text === "string" && isTemplate(text) ? problemOf(text) : null;
    return message === null ? [] : [{ path, message }];
  });
}

/** Every value is in its place. */
export const dockerConfigSchema = shape
  .superRefine((options, context) => {
    for (const { path, message } of [...dockerProblems(options), ...finalProblems(options)]) {
      context.addIssue({ code: "custom", path: [...path], message });
    }
  })
  .transform((options) => ({ ...DEFAULTS, ...given(options) }));

export type DockerConfig = typeof DEFAULTS & Omit<z.output<typeof shape>, keyof typeof DEFAULTS>;

function given(options: z.output<typeof shape>) {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as Omit<typeof options, keyof typeof DEFAULTS> &
    Partial<typeof DEFAULTS>;
}
