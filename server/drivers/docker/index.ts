/**
 * Machines that are containers of a Docker engine. Nothing is remembered here: a container has the
 * machine's key for its name and its tag in its labels, so that anybody finds it again. See README.md.
 */
import { setTimeout as sleep } from "node:timers/promises";
import {
  beforeAnyMachine,
  DriverError,
  type InstanceHandle,
  type LatentDriver,
  type LatentDriverKind,
  type OwnerTag,
  type Probe,
  type StartOrder,
  type Surroundings,
  type Unclear,
} from "../contract";
import { containerSpec, passwordIn } from "./container-spec";
import { Deaths } from "./deaths";
import { Endpoints } from "./endpoint";
import { type ContainerFacts, Engine } from "./engine";
import { driverError, EngineRefusal } from "./errors";
import { Followers } from "./follow";
import { privateImage, provideImage } from "./images";
import { isSameTag, readLabels } from "./labels";
import { listOurs } from "./listing";
import { dockerProbes } from "./probes";
import { lastWords, reportOf } from "./report";
import { type DockerConfig, dockerConfigSchema } from "./schema";

export interface DockerSurroundings {
  /** Lent to strangers: engines in the server's own network are not asked. */
  readonly isHosted: boolean;
  /** Archives that images may be built from (`custom_context`); null: none is read. */
  readonly contexts: string | null;
}

const GRACE_SECONDS = 10;
/** A start may pull, or build, an image; `missing_timeout` is what bounds it. */
const START_SECONDS = 3 * 3_600;
const APPEARS_MS = 5_000;

export function dockerDriver(host: DockerSurroundings): LatentDriverKind<DockerConfig> {
  const shared = {
    ...host,
    endpoints: new Endpoints(host.isHosted),
    followers: new Followers(),
    deaths: new Deaths(),
  };
  return {
    kind: "docker",
    schema: dockerConfigSchema,
    billing: "free",
    accountOptions: ["docker_host", "tls"],
    listingLagSeconds: 0,
    startSeconds: START_SECONDS,
    startsAtOnce: 16,
    open: (config, surroundings) => new DockerDriver(shared, config, surroundings),
  };
}

interface Shared extends DockerSurroundings {
  readonly endpoints: Endpoints;
  readonly followers: Followers;
  readonly deaths: Deaths;
}

class DockerDriver implements LatentDriver {
  readonly probes: readonly Probe[];

  constructor(
    private readonly shared: Shared,
    private readonly config: DockerConfig,
    private readonly surroundings: Surroundings,
  ) {
    this.probes = dockerProbes(config, (signal) => this.#engine(signal));
  }

  async start(order: StartOrder, signal: AbortSignal): Promise<InstanceHandle> {
    const { key, agent } = order;
    const engine = this.#engine(signal);
    return this.#said(`container ${key} could not be made`, signal, [agent.password], async () => {
      const { id, isNew, hasRun } = await this.#make(engine, order);
      // Also one that ends as soon as it runs.
      await this.#hear(order);
      // One that ended meanwhile has had its life.
      if (!hasRun) await this.#run(engine, id, order);
      this.#follow(key, [agent.password], isNew);
      return this.#handle(engine, order, id);
    });
  }

  async inspect(handle: InstanceHandle, signal: AbortSignal) {
    const { key, ref } = handle;
    const engine = this.#engine(signal);
    return this.#said(`container ${key} could not be looked at`, signal, [], async () => {
      const id = idIn(ref);
      const container = (id && (await engine.container(id))) || (await engine.container(key));
      const report = await reportOf(engine, container);
      if (report.state === "running") {
        this.#follow(key, passwordIn(container?.Config.Env), false);
        await this.#hear(handle);
      }
      return report;
    });
  }

  async printed({ key, ref }: InstanceHandle, signal: AbortSignal): Promise<string> {
    const engine = this.#engine(signal);
    return this.#said(`container ${key} could not be listened to`, signal, [], async () => {
      const id = idIn(ref);
      const container = (id && (await engine.container(id))) || (await engine.container(key));
      return container === null ? "" : lastWords(engine, container);
    });
  }

  async stop({ key, tag, ref }: InstanceHandle, how: "graceful" | "now", signal: AbortSignal) {
    const engine = this.#engine(signal);
    this.shared.followers.end(key);
    this.#unhear(key);
    return this.#said(`container ${key} could not be stopped`, signal, [], async () => {
      // By its id too: a person may have given it another name.
      for (const name of new Set([idIn(ref) ?? key, key])) {
        // Whoever makes an image chooses its labels, and so what a list says: a name alone proves nothing.
        const found = await engine.container(name);
        if (found === null || !isMachine(found, { key, tag })) continue;
        if (how === "graceful") await engine.stop(name, GRACE_SECONDS);
        await engine.remove(name);
        // Anything may say yes; that it is not there is said by an engine.
        const left = await engine.container(name);
        if (left && left.State.Status !== "removing") {
          throw new DriverError("provider-down", `container ${name} is still ${left.State.Status}`);
        }
      }
      // Of an account that is swept, the options may be another worker's.
      if (this.config.image == null || ref === null) await engine.removeImage(privateImage(key));
    });
  }

  async list(
    owner: OwnerTag,
    signal: AbortSignal,
    tell: (unclear: Unclear) => void = () => {},
  ): Promise<readonly InstanceHandle[]> {
    const engine = this.#engine(signal);
    return this.#said("containers could not be listed", signal, [], () =>
      listOurs(engine, owner, tell),
    );
  }

  /** The container of this key: the one that is there, or a new one. */
  async #make(engine: Engine, order: StartOrder): Promise<Made> {
    const known = await beforeAnyMachine(() =>
      this.#known(engine, order).catch((error: unknown) => {
        throw driverError(`container ${order.key} could not be looked for`, error);
      }),
    );
    if (known) return asKnown(known);
    const { contexts } = this.shared;
    const image = await provideImage(engine, this.config, order, {
      contexts,
      note: this.surroundings.note,
    });
    try {
      const id = await engine.create(order.key, containerSpec(this.config, image, order));
      return { id, isNew: true, hasRun: false };
    } catch (error) {
      const other = isNameTaken(error) && (await this.#appears(engine, order));
      if (other) return asKnown(other);
      if (!isNameTaken(error)) await this.#discardImage(engine, order.key);
      throw error;
    }
  }

  /** Ordered twice at once, and the other order is quicker: its name is taken before it is seen. */
  async #appears(engine: Engine, order: StartOrder): Promise<ContainerFacts | null> {
    const giveUpAt = Date.now() + APPEARS_MS;
    for (;;) {
      const there = await this.#known(engine, order);
      if (there || Date.now() > giveUpAt) return there;
      await sleep(50);
    }
  }

  /** What has its name and is not it is removed (W-142). */
  async #known(engine: Engine, { key, tag }: StartOrder): Promise<ContainerFacts | null> {
    const there = await engine.container(key);
    if (!there) return null;
    const labels = readLabels(there.Config.Labels ?? null);
    if (labels && isSameTag(labels.tag, tag)) return there;
    this.surroundings.note(`a container that was left over as ${key} is removed`);
    await engine.remove(there.Id);
    return null;
  }

  /** A start that comes to nothing leaves nothing; what it does leave is found by its labels. */
  async #run(engine: Engine, id: string, { key }: StartOrder): Promise<void> {
    try {
      await engine.run(id);
    } catch (error) {
      this.#unhear(key);
      if (error instanceof EngineRefusal) {
        await engine.remove(id).catch(() => {});
        await this.#discardImage(engine, key);
      }
      throw error;
    }
  }

  async #discardImage(engine: Engine, key: string): Promise<void> {
    if (this.config.image == null) await engine.removeImage(privateImage(key)).catch(() => {});
  }

  async #handle(engine: Engine, { key, tag }: StartOrder, id: string): Promise<InstanceHandle> {
    const made = Date.parse((await engine.container(id))?.Created ?? "");
    return { key, tag, ref: { id }, madeAt: Number.isNaN(made) ? null : made };
  }

  #follow(key: string, hidden: readonly string[], isNew: boolean): void {
    if (!this.config.followStartupLogs) return;
    const engineFor = (signal: AbortSignal) => this.#engine(signal);
    this.shared.followers.follow(key, engineFor, this.surroundings, { hidden, isNew });
  }

  async #hear(machine: Pick<InstanceHandle, "key" | "tag">): Promise<void> {
    const { ended } = this.surroundings;
    if (!ended) return;
    const { deaths, endpoints } = this.shared;
    const engineFor = (signal: AbortSignal) => this.#engine(signal);
    await deaths.hear(endpoints.of(this.config), engineFor, machine, ended);
  }

  #unhear(key: string): void {
    this.shared.deaths.forget(this.shared.endpoints.of(this.config), key);
  }

  #engine(signal: AbortSignal): Engine {
    const { version } = this.config;
    const path = version == null || version === "auto" ? null : `v${version.replace(/^v/, "")}`;
    return new Engine(this.shared.endpoints.of(this.config), path, signal);
  }

  async #said<T>(
    doing: string,
    signal: AbortSignal,
    hidden: readonly string[],
    work: () => Promise<T>,
  ): Promise<T> {
    signal.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      // What was being done when its time was up is worth more than that it was.
      if (signal.aborted && !(error instanceof DriverError)) throw signal.reason;
      throw driverError(doing, error, hidden);
    }
  }
}

interface Made {
  readonly id: string;
  readonly isNew: boolean;
  readonly hasRun: boolean;
}

const asKnown = ({ Id, State }: ContainerFacts): Made => ({
  ...{ id: Id, isNew: false, hasRun: State.Status !== "created" },
});

function isMachine({ Config }: ContainerFacts, { key, tag }: Pick<InstanceHandle, "key" | "tag">) {
  const labels = readLabels(Config.Labels ?? null);
  return labels?.key === key && labels.tag.installation === tag.installation;
}

const isNameTaken = (error: unknown) =>
  error instanceof EngineRefusal && (error.status === 409 || /already in use/i.test(error.message));

function idIn(ref: unknown): string | null {
  const { id } = (ref ?? {}) as { id?: unknown };
  return typeof id === "string" && id !== "" ? id : null;
}
