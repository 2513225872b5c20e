/** The few calls of the engine's API that the driver makes, each with its answer understood. */
import type { Readable } from "node:stream";
import type Docker from "dockerode";
import { z } from "zod";
import { listOf, texts, textsNamed } from "./answer-schema";
import type { Endpoint } from "./endpoint";
import { EngineRefusal, NoEngine } from "./errors";
import { LABELS } from "./labels";
import { LogFrames } from "./log-frames";
import { followProgress } from "./progress";
import type { Encoded } from "./registry";
import { openDockerode } from "./transport";

/** It is kept with the machine. */
const id = z.string().min(1).max(200);
const labels = textsNamed(LABELS).nullish();

const containerSchema = z.object({
  Id: id,
  Created: z.string(),
  State: z.object({
    Status: z.string(),
    ExitCode: z.number().catch(0),
    OOMKilled: z.boolean().catch(false),
    Error: z.string().catch(""),
  }),
  Config: z.object({ Labels: labels, Env: texts.nullish() }),
});
const listedContainerSchema = z.object({
  Id: id,
  Names: texts.nullish(),
  ImageID: z.string().catch(""),
  Labels: labels,
  Created: z.number(),
});
const imageSchema = z.object({
  Id: id,
  RepoTags: texts.nullish(),
  Config: z.object({ Labels: labels }).nullish(),
});
const listedImageSchema = z.object({
  Id: id,
  RepoTags: texts.nullish(),
  Labels: labels,
  Created: z.number(),
});

const versionSchema = z.object({
  Version: z.string(),
  ApiVersion: z.string(),
  Os: z.string().catch("?"),
  Arch: z.string().catch("?"),
  Components: listOf(z.object({ Name: z.string() }))
    .optional()
    .catch(undefined),
});

export type ContainerFacts = z.output<typeof containerSchema>;
export type ImageFacts = z.output<typeof imageSchema>;
export type ListedContainer = z.output<typeof listedContainerSchema>;
export type ListedImage = z.output<typeof listedImageSchema>;

export interface ContainerSpec {
  readonly Image: string;
  readonly Cmd?: readonly string[];
  readonly Env: readonly string[];
  readonly Labels: Readonly<Record<string, string>>;
  readonly Hostname?: string;
  readonly HostConfig: Readonly<Record<string, unknown>>;
}

export interface BuildOptions {
  readonly t: string;
  readonly target?: string;
  readonly buildargs?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  /** Whether what it begins from is pulled although it is there. */
  readonly pull: boolean;
  readonly registryconfig?: Encoded;
}

export class Engine {
  readonly #docker: Docker;

  constructor(
    private readonly endpoint: Endpoint,
    version: string | null,
    private readonly signal: AbortSignal,
  ) {
    this.#docker = openDockerode(endpoint, version);
  }

  /** For a person: `Docker 20.10.24 (API 1.41, linux/amd64)`. */
  async whatRuns(): Promise<string> {
    const answer = this.#understood(versionSchema, await this.#docker.version());
    const { Version, ApiVersion, Os, Arch, Components: [component] = [] } = answer;
    const isPodman = component?.Name.startsWith("Podman");
    return `${isPodman ? "Podman" : "Docker"} ${Version} (API ${ApiVersion}, ${Os}/${Arch})`;
  }

  /** Null: there is none of this name or id. */
  async container(name: string): Promise<ContainerFacts | null> {
    const answer = await orNull(this.#docker.getContainer(name).inspect(this.#patience()));
    return answer === null ? null : this.#understood(containerSchema, answer);
  }

  async containers(label: readonly string[]): Promise<ListedContainer[]> {
    const query = { all: true, filters: { label: [...label] }, ...this.#patience() };
    const answer = await this.#docker.listContainers(query);
    return this.#understood(listOf(listedContainerSchema), answer);
  }

  /** @returns its id */
  async create(name: string, spec: ContainerSpec): Promise<string> {
    // Apart, or all of it would stand in the address, the password too.
    const call = { _query: { name }, _body: spec, ...this.#patience() };
    const made = await this.#docker.createContainer(call as Docker.ContainerCreateOptions);
    return this.#understood(id, made.id);
  }

  async run(id: string): Promise<void> {
    await unless([304], this.#docker.getContainer(id).start(this.#patience()));
  }

  async stop(name: string, seconds: number): Promise<void> {
    const container = this.#docker.getContainer(name);
    await unless([304, 404], container.stop({ t: seconds, ...this.#patience() }));
  }

  /** With the volumes that have no name; what is being removed already counts as removed. */
  async remove(name: string): Promise<void> {
    const query = { force: true, v: true, ...this.#patience() };
    await unless([404, 409], this.#docker.getContainer(name).remove(query));
  }

  /** What it printed last. */
  async printed(name: string, lines: number): Promise<string> {
    const query = { stdout: true, stderr: true, tail: lines, follow: false as const };
    const container = this.#docker.getContainer(name);
    const bytes = await container.logs({ ...query, ...this.#patience() });
    if (!Buffer.isBuffer(bytes)) return "";
    return new LogFrames().push(bytes).toString("utf8");
  }

  /** What it prints, from the beginning on or from its last lines, until it ends. */
  async follow(name: string, tail: number | "all"): Promise<Readable> {
    const query = { stdout: true, stderr: true, follow: true as const, ...this.#patience() };
    const container = this.#docker.getContainer(name);
    return (await container.logs({ ...query, tail } as typeof query)) as Readable;
  }

  /** Containers with the label that end, one event a line, until the engine or the caller does. */
  async deaths(label: readonly string[]): Promise<AsyncIterable<Buffer>> {
    // Podman says "die" and asks for "died".
    const event = ["die", "died"];
    const filters = { type: ["container"] as ["container"], event, label: [...label] };
    const stream: unknown = await this.#docker.getEvents({ filters, ...this.#patience() });
    return stream as Readable;
  }

  /** Null: there is none of this name or id. */
  async image(name: string): Promise<ImageFacts | null> {
    const answer = await orNull(this.#docker.getImage(name).inspect());
    return answer === null ? null : this.#understood(imageSchema, answer);
  }

  async images(filters: Readonly<Record<string, readonly string[]>>): Promise<ListedImage[]> {
    const query = { filters: { ...filters } as Record<string, string[]>, ...this.#patience() };
    const answer = await this.#docker.listImages(query);
    return this.#understood(listOf(listedImageSchema), answer);
  }

  async removeImage(name: string): Promise<void> {
    const query = { force: true, ...this.#patience() };
    await unless([404], this.#docker.getImage(name).remove(query));
  }

  async build(
    archive: Buffer | NodeJS.ReadableStream,
    options: BuildOptions,
    said: (line: string) => void,
  ): Promise<void> {
    const query = { ...options, forcerm: true, ...this.#patience() };
    const stream = await this.#docker.buildImage(
      archive as NodeJS.ReadableStream,
      query as unknown as Docker.ImageBuildOptions,
    );
    await this.#toItsEnd(stream, said);
  }

  async pull(
    image: string,
    authconfig: Encoded | undefined,
    said: (line: string) => void,
  ): Promise<void> {
    const how = { ...(authconfig && { authconfig }), ...this.#patience() };
    const stream = (await this.#docker.pull(image, how)) as NodeJS.ReadableStream;
    await this.#toItsEnd(stream, said);
  }

  /** @returns whether its registry has it; null: an engine that does not ask for others (Podman) */
  async isAtRegistry(image: string, authconfig: Encoded | undefined): Promise<boolean | null> {
    try {
      await this.#docker.getImage(image).distribution({ ...(authconfig && { authconfig }) });
      return true;
    } catch (error) {
      if (error instanceof NoEngine && error.status === 404) return null;
      if (error instanceof EngineRefusal && error.status === 404) return false;
      throw error;
    }
  }

  async #toItsEnd(stream: NodeJS.ReadableStream, said: (line: string) => void): Promise<void> {
    try {
      await followProgress(stream as AsyncIterable<Buffer> & NodeJS.ReadableStream, said);
    } catch (error) {
      if (this.signal.aborted) throw this.signal.reason;
      if (error instanceof EngineRefusal || error instanceof NoEngine) throw error;
      const { message } = error as Error;
      throw new NoEngine(
        `the engine at ${this.endpoint.address} hung up in the middle of its answer: ${message}`,
        { cause: error },
      );
    }
  }

  #patience(): { abortSignal: AbortSignal } {
    return { abortSignal: this.signal };
  }

  #understood<T>(schema: z.ZodType<T>, answer: unknown): T {
    const parsed = schema.safeParse(answer);
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    const why = [issue?.path.join("."), issue?.message].filter(Boolean).join(": ");
    throw new NoEngine(`what answers at ${this.endpoint.address} is no Docker engine (${why})`);
  }
}

async function orNull<T>(call: Promise<T>): Promise<T | null> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof EngineRefusal && error.status === 404) return null;
    throw error;
  }
}

/** What the engine refuses because there is nothing to do is done. */
async function unless(statuses: readonly number[], call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof EngineRefusal) || !statuses.includes(error.status ?? 0)) throw error;
  }
}
