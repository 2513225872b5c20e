/**
 * Machines that are domains of a hypervisor, through libvirt; see README.md. A domain is either made
 * from `xml` for one machine alone, named by its key, and gone when it ends; or it was defined by
 * somebody under the worker's name and is borrowed, with our mark in its metadata while it runs for us.
 */
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import {
  beforeAnyMachine,
  DriverError,
  type InstanceHandle,
  type InstanceReport,
  type LatentDriver,
  type LatentDriverKind,
  type OwnerTag,
  type Probe,
  type StartOrder,
  type Surroundings,
  type Unclear,
} from "../contract";
import { Consoles } from "./consoles";
import { escapeXml, fillIn, withIdentity } from "./domain-xml";
import { Ends } from "./ends";
import { type DomainState, Hypervisor, isActive, isOriginal } from "./hypervisor";
import { MachineFiles } from "./machine-files";
import { AUTH, authElement, MARK, type Mark, markElement } from "./mark";
import { libvirtProbes } from "./probes";
import {
  type LibVirtConfig,
  libvirtConfigSchema,
  type Placeholder,
  placeholdersIn,
} from "./schema";

export interface LibVirtHost {
  /** What any program of this host needs: PATH and HOME at least. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** So long a machine that is asked to end has for it; 30 s when absent. */
  readonly graceMs?: number;
}

export function libvirtDriver(host: LibVirtHost): LatentDriverKind<LibVirtConfig> {
  const shared = { ...host, consoles: new Consoles(), ends: new Ends(host.env) };
  return {
    kind: "libvirt",
    schema: libvirtConfigSchema,
    billing: "free",
    accountOptions: ["uri"],
    listingLagSeconds: 0,
    startSeconds: START_SECONDS,
    // Each copies or overlays a disk.
    startsAtOnce: 8,
    open: (config, surroundings) => new LibVirt(shared, config, surroundings),
  };
}

interface Shared extends LibVirtHost {
  readonly consoles: Consoles;
  readonly ends: Ends;
}

const GRACE_MS = 30_000;
/** A full copy of a large image takes its time; `missing_timeout` is what bounds it. */
const START_SECONDS = 3 * 3_600;
const LOOK_MS = 250;

/** Of a borrowed domain: which one, and the how manieth time that it runs. */
const refSchema = z.object({ domain: z.string(), run: z.number().nullable() });

class LibVirt implements LatentDriver {
  readonly probes: readonly Probe[];

  constructor(
    private readonly shared: Shared,
    private readonly config: LibVirtConfig,
    private readonly surroundings: Surroundings,
  ) {
    this.probes = libvirtProbes(config, (signal) => this.#hypervisor(signal));
  }

  async start(order: StartOrder, signal: AbortSignal): Promise<InstanceHandle> {
    signal.throwIfAborted();
    const { password } = order.agent;
    const hypervisor = this.#hypervisor(signal, [password, escapeXml(password)]);
    return this.config.xml === null
      ? this.#borrow(hypervisor, order, signal)
      : this.#make(hypervisor, order, this.config.xml, signal);
  }

  async inspect(handle: InstanceHandle, signal: AbortSignal): Promise<InstanceReport> {
    const hypervisor = this.#hypervisor(signal);
    const found = await this.#find(hypervisor, handle);
    const files = this.#files(handle.key);
    const console = files ? await this.shared.consoles.lastWords(handle.key, files) : "";
    if (!found) return { state: "gone", why: withTail("there is no such domain", console) };
    const { state, reason } = found.state;
    const why = reason ? `${state} (${reason})` : state;
    if (!found.isOurs) return { state: "gone", why: `its domain is not ours now: ${why}` };
    const seen = stateOf(found.state);
    if (seen === "running") this.#hear(handle.key);
    if (files && this.#named("console")) {
      await this.shared.consoles.tell(handle.key, files, (line) =>
        this.surroundings.note(line, "machine"),
      );
    }
    return { state: seen, why: seen === "running" ? why : withTail(why, console) };
  }

  async printed({ key }: InstanceHandle): Promise<string> {
    const files = this.#files(key);
    return files ? this.shared.consoles.lastWords(key, files) : "";
  }

  async stop(handle: InstanceHandle, how: "graceful" | "now", signal: AbortSignal): Promise<void> {
    const hypervisor = this.#hypervisor(signal);
    const { key } = handle;
    this.shared.ends.forget(this.config.uri, key);
    const found = await this.#find(hypervisor, handle);
    let files = this.#files(key);
    if (found?.isOurs && isActive(found.state)) {
      // Of an account that is swept, the options may be another worker's.
      if ((await files?.owner()) !== key) files = await filesOf(hypervisor, found.uuid, key);
      if (how === "graceful") await this.#endByItself(hypervisor, found.uuid, signal);
      await hypervisor.destroy(found.uuid);
    }
    if (found && found.uuid !== uuidFor(key)) await this.#giveBack(hypervisor, found.uuid, key);
    await files?.remove();
    this.shared.consoles.end(key);
  }

  async list(
    { installation }: OwnerTag,
    signal: AbortSignal,
    tell: (unclear: Unclear) => void = () => {},
  ): Promise<readonly InstanceHandle[]> {
    const marked = await this.#hypervisor(signal).marked("active");
    const ours = marked.filter(({ mark }) => mark.tag.installation === installation);
    for (const { name, mark } of ours.filter((each) => !isOriginal(each))) {
      tell({ name, why: `it has the mark of ${mark.key}, and was not made as that machine` });
    }
    return ours.filter(isOriginal).map(({ mark: { key, tag, domain } }) => ({
      ...{ key, tag, ref: { domain, run: null }, madeAt: null },
    }));
  }

  /** A domain of its own, that nobody else knows. */
  async #make(
    hypervisor: Hypervisor,
    order: StartOrder,
    xml: string,
    signal: AbortSignal,
  ): Promise<InstanceHandle> {
    const { key, tag, agent } = order;
    const domain = uuidFor(key);
    const mark: Mark = { domain, key, tag };
    const made: InstanceHandle = { key, tag, ref: { domain, run: null }, madeAt: null };
    if (await beforeAnyMachine(() => this.#isRunning(hypervisor, mark))) return made;
    const files = await this.#prepare(hypervisor, order, signal);
    const definition = withIdentity(fillIn(xml, valuesFor(order, files)), {
      name: key,
      uuid: domain,
      metadata: [markElement(mark, MARK.uri), authElement(agent, AUTH.uri)],
    });
    this.surroundings.note(`domain ${key} is started at ${this.config.uri}`);
    try {
      const answer = await hypervisor.create(definition);
      if (answer === "created") await mustCarry(hypervisor, mark);
      else await this.#isRunning(hypervisor, mark);
      this.#hear(key);
      return { ...made, madeAt: Date.now() };
    } catch (error) {
      // Whether it was made is not known when nobody answered: its files stay until it is stopped.
      if (error instanceof DriverError && error.code !== "provider-down") await files?.remove();
      throw error;
    }
  }

  /** A domain that somebody defined under the worker's name. */
  async #borrow(
    hypervisor: Hypervisor,
    order: StartOrder,
    signal: AbortSignal,
  ): Promise<InstanceHandle> {
    const { key, tag, agent } = order;
    const name = this.config.name ?? agent.name.slice(agent.name.lastIndexOf("/") + 1);
    const domain = await beforeAnyMachine(() => hypervisor.uuidOf(name));
    if (!domain) {
      const message = `there is no domain ${name} at ${this.config.uri}: define it, or write its definition into xml`;
      throw new DriverError("bad-configuration", message);
    }
    const handle = async () => {
      const run = await hypervisor.runOf(domain);
      return { key, tag, ref: { domain, run }, madeAt: null };
    };
    const mark: Mark = { domain, key, tag };
    if (await beforeAnyMachine(() => this.#isRunning(hypervisor, mark))) return handle();
    const files = await this.#prepare(hypervisor, order, signal);
    if (files && !(await hypervisor.disks(domain)).includes(files.disk)) {
      throw new DriverError("bad-configuration", `domain ${name} has no disk ${files.disk}`);
    }
    await hypervisor.setMetadata(domain, MARK, markElement(mark));
    await hypervisor.setMetadata(domain, AUTH, authElement(agent));
    this.surroundings.note(`domain ${name} is started at ${this.config.uri}`);
    try {
      await hypervisor.start(domain);
    } catch (error) {
      if (error instanceof DriverError && error.code !== "provider-down") {
        await this.#giveBack(hypervisor, domain, key);
        await files?.remove();
      }
      throw error;
    }
    return handle();
  }

  /** Our mark and the login go, also when somebody else runs it by now. */
  async #giveBack(hypervisor: Hypervisor, domain: string, key: string): Promise<void> {
    if ((await hypervisor.mark(domain))?.key !== key) return;
    const state = await hypervisor.state(domain);
    for (const of of [AUTH, MARK]) {
      await hypervisor.removeMetadata(domain, of, state !== null && isActive(state));
    }
  }

  /** @throws DriverError when what runs there is not this machine */
  async #isRunning(hypervisor: Hypervisor, { domain, key }: Mark): Promise<boolean> {
    const state = await hypervisor.state(domain);
    if (!state || !isActive(state)) return false;
    const mark = await hypervisor.mark(domain);
    if (mark?.key === key) return true;
    const whose = mark ? `for machine ${mark.key}` : "and was not started by Slipway";
    throw new DriverError("no-capacity", `its domain is active already, ${whose}`);
  }

  async #prepare(
    hypervisor: Hypervisor,
    { key, agent }: StartOrder,
    signal: AbortSignal,
  ): Promise<MachineFiles | null> {
    const { base, isCheapCopy } = this.config;
    const files = this.#files(key);
    if (!files) return null;
    const owner = await files.owner();
    if (owner !== null && owner !== key) {
      const marks = await hypervisor.marks("active");
      if (marks.some((mark) => mark.key === owner)) {
        throw new DriverError("no-capacity", `hd_image is still the disk of machine ${owner}`);
      }
    }
    const [needsLogin, needsConsole] = [this.#named("login_image"), this.#named("console")];
    if (base === null && !needsLogin && !needsConsole) return files;
    await files.take();
    if (base !== null) this.surroundings.note(`${base} is cloned to ${files.disk}`);
    if (base !== null) await files.clone(base, isCheapCopy, { env: this.shared.env, signal });
    if (needsLogin) await files.writeLogin(agent, agent.host);
    if (needsConsole) await files.makeConsole();
    this.shared.consoles.begin(key, [agent.password]);
    return files;
  }

  /** The domain of that machine, whoever runs in it now. */
  async #find(hypervisor: Hypervisor, { key, ref }: InstanceHandle) {
    const known = refSchema.safeParse(ref).data;
    const uuid =
      known?.domain ??
      (this.config.xml !== null
        ? uuidFor(key)
        : (await hypervisor.marks("all")).find((mark) => mark.key === key)?.domain);
    const state = uuid === undefined ? null : await hypervisor.state(uuid);
    if (uuid === undefined || !state) return null;
    const mark = await hypervisor.mark(uuid);
    // It was just going.
    if (mark === null && !(await hypervisor.state(uuid))) return null;
    const isMarked = mark?.key === key;
    // Somebody may have started the domain again, by hand, with what is written down of it.
    const run = known?.run ?? null;
    const isSame = run === null || !isActive(state) || (await hypervisor.runOf(uuid)) === run;
    return { uuid, state, isOurs: isMarked && isSame };
  }

  async #endByItself(hypervisor: Hypervisor, uuid: string, signal: AbortSignal): Promise<void> {
    await hypervisor.shutdown(uuid);
    const giveUpAt = Date.now() + (this.shared.graceMs ?? GRACE_MS);
    for (;;) {
      const state = await hypervisor.state(uuid);
      if (!state || !isActive(state) || Date.now() > giveUpAt) return;
      await sleep(LOOK_MS, undefined, { signal });
    }
  }

  /** A domain of its own is called by its key; of a borrowed one the next look tells. */
  #hear(key: string): void {
    const { ended } = this.surroundings;
    if (ended && this.config.xml !== null) this.shared.ends.hear(this.config.uri, key, ended);
  }

  #named(placeholder: Placeholder): boolean {
    return placeholdersIn(this.config.xml ?? "").includes(placeholder);
  }

  #files(key: string): MachineFiles | null {
    const { disk, base } = this.config;
    if (disk === null) return null;
    return new MachineFiles(disk.replaceAll(/\{\{\s*key\s*\}\}/g, key), key, base !== null);
  }

  #hypervisor(signal: AbortSignal, secrets: readonly string[] = []): Hypervisor {
    return new Hypervisor(this.config.uri, this.shared.env, signal, secrets);
  }
}

/** What would never be found again must not stay. */
async function mustCarry(hypervisor: Hypervisor, { domain, key }: Mark): Promise<void> {
  if ((await hypervisor.mark(domain))?.key === key) return;
  if (!(await hypervisor.state(domain))) {
    throw new DriverError("no-capacity", "the domain ended as soon as it was started");
  }
  await hypervisor.destroy(domain);
  const message =
    "this hypervisor keeps no metadata of its domains, so they could not be found again";
  throw new DriverError("bad-configuration", message);
}

/** Those of a machine that runs, by its disks; null: it has none that were made for it. */
async function filesOf(hypervisor: Hypervisor, uuid: string, key: string) {
  for (const disk of await hypervisor.disks(uuid)) {
    const files = new MachineFiles(disk, key);
    if ((await files.owner()) === key) return files;
  }
  return null;
}

/** The same for the same machine, so that a hypervisor refuses it twice whatever its name is. */
function uuidFor(key: string): string {
  const hex = createHash("sha256").update(`slipway machine ${key}`).digest("hex");
  const variant = "89ab"[Number.parseInt(hex[16] as string, 16) % 4];
  const parts = [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`];
  return [...parts, `${variant}${hex.slice(17, 20)}`, hex.slice(20, 32)].join("-");
}

function valuesFor({ key, agent }: StartOrder, files: MachineFiles | null) {
  const { name, password, host, port, protocol } = agent;
  return {
    ...{ key, name, password, host, port: String(port) },
    master: `${host.includes(":") ? `[${host}]` : host}:${port}`,
    protocol: protocol === "pb" ? "pb" : "msgpack_experimental_v7",
    ...(files ? { hd_image: files.disk, login_image: files.login, console: files.console } : {}),
  };
}

function stateOf({ state, reason }: DomainState): InstanceReport["state"] {
  switch (state) {
    case "shut off":
      return "gone";
    case "paused":
      if (reason === "starting up" || reason === "unknown") return "pending";
      return reason === "user" || reason === "migrating" ? "running" : "broken";
    case "crashed":
    case "pmsuspended":
    case "in shutdown":
    case "dying":
      return "broken";
    default:
      return "running";
  }
}

const withTail = (why: string, console: string) => (console ? `${why}\n${console}` : why);
