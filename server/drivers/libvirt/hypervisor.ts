/**
 * One hypervisor, through virsh. Each question is a program of its own, so there is no connection that
 * could be lost and not be noticed: what cannot be reached now is simply asked again later.
 *
 * Domains are named by their UUID, which nobody chooses and nothing has to quote.
 */
import { CommandFailed, command } from "./command";
import { MARK, type Mark, readMark } from "./mark";
import { refusal } from "./refusal";

export interface DomainState {
  /** virsh's word: `running`, `paused`, `shut off`, ... */
  readonly state: string;
  /** And its reason: `booted`, `crashed`, ... */
  readonly reason: string;
}

/** A domain that carries a mark, and what its hypervisor calls it. */
export interface Marked {
  readonly uuid: string;
  readonly name: string;
  readonly mark: Mark;
}

/** A mark that was copied with its domain is not the copy's. */
export const isOriginal = ({ uuid, mark }: Pick<Marked, "uuid" | "mark">) => mark.domain === uuid;

/** Nobody waits longer for an answer; what is started or ended is given more. */
const ASK_SECONDS = 20;
const ACT_SECONDS = 90;
/** So many domains are looked at by one program. */
const AT_ONCE = 50;

export const UUID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/;
const LISTED = new RegExp(`^\\s*(${UUID.source})\\s+(.*?)\\s*$`);

/** Domains that take processor or memory; the others are only written down. */
export const isActive = ({ state }: DomainState) => state !== "shut off";

export class Hypervisor {
  constructor(
    private readonly uri: string,
    private readonly env: Readonly<Record<string, string | undefined>>,
    private readonly signal: AbortSignal,
    /** What must not be repeated in an error. */
    private readonly secrets: readonly string[] = [],
  ) {}

  /** The hypervisor's own name and version. */
  async whatRuns(): Promise<string> {
    const said = await this.#ask(["version"]);
    return /^Running hypervisor: (.+)$/m.exec(said ?? "")?.[1] ?? "a hypervisor";
  }

  /** Of the domain of that name, running or not. */
  async uuidOf(name: string): Promise<string | null> {
    const said = await this.#askAbout(["domuuid", "--domain", name]);
    return UUID.exec(said ?? "")?.[0] ?? null;
  }

  async state(uuid: string): Promise<DomainState | null> {
    const said = await this.#askAbout(["domstate", uuid, "--reason"]);
    const found = /^\s*([a-z][a-z ]*?)\s*(?:\((.*)\))?\s*$/m.exec(said ?? "");
    return found ? { state: found[1] as string, reason: found[2] ?? "" } : null;
  }

  /** Another number each time that a domain is started; null while it is not active. */
  async runOf(uuid: string): Promise<number | null> {
    const said = await this.#askAbout(["domid", uuid]);
    const number = Number((said ?? "").trim() || Number.NaN);
    return Number.isInteger(number) ? number : null;
  }

  async mark(uuid: string): Promise<Mark | null> {
    const said = await this.#ask(
      ["metadata", uuid, "--uri", MARK.uri],
      /metadata not found|failed to get domain|domain not found/i,
    );
    const mark = readMark(said ?? "");
    return mark && isOriginal({ uuid, mark }) ? mark : null;
  }

  /** Of all domains, or of the active ones; each of the domain that it was written for. */
  async marks(which: "all" | "active"): Promise<Mark[]> {
    return (await this.marked(which)).filter(isOriginal).map(({ mark }) => mark);
  }

  /** All that carry a mark, also copies. */
  async marked(which: "all" | "active"): Promise<Marked[]> {
    const all = which === "all" ? ["--all"] : [];
    const listed = await this.#ask(["list", "--uuid", "--name", ...all]);
    const names = new Map<string, string>();
    for (const line of (listed ?? "").split("\n")) {
      const [, uuid, name] = LISTED.exec(line) ?? [];
      if (uuid !== undefined) names.set(uuid, name ?? "");
    }
    const uuids = [...names.keys()];
    const found: Marked[] = [];
    for (let from = 0; from < uuids.length; from += AT_ONCE) {
      // Most have none, which virsh says and goes on; `echo` always succeeds, so all of it does.
      const asks = uuids
        .slice(from, from + AT_ONCE)
        .map((uuid) => `echo ${uuid}; metadata ${uuid} --uri ${MARK.uri}; `);
      const said = await this.#ask([`${asks.join("")}echo .`]);
      for (const part of (said ?? "").split(new RegExp(`(?=${UUID.source}\\s*<)`))) {
        const uuid = UUID.exec(part)?.[0];
        const mark = uuid === undefined ? null : readMark(part);
        if (uuid !== undefined && mark) found.push({ uuid, name: names.get(uuid) ?? uuid, mark });
      }
    }
    return found;
  }

  /** The files and devices that are its disks; none when it is gone. */
  async disks(uuid: string): Promise<string[]> {
    const said = await this.#askAbout(["domblklist", uuid, "--inactive"]);
    return (said ?? "").split("\n").flatMap((line) => /^\s*\S+\s+(.+?)\s*$/.exec(line)?.[1] ?? []);
  }

  /** A domain that is written down nowhere and goes when it ends. */
  async create(definition: string): Promise<"created" | "is there"> {
    const options = { env: this.env, seconds: ACT_SECONDS, signal: this.signal };
    const args = ["create", "/dev/stdin"];
    const said = await this.#run(
      args,
      { ...options, input: definition },
      /already exists with uuid/,
    );
    return said === null ? "is there" : "created";
  }

  async start(uuid: string): Promise<"started" | "is active"> {
    const said = await this.#ask(["start", uuid], /domain is already active/i, ACT_SECONDS);
    return said === null ? "is active" : "started";
  }

  /** At once. */
  async destroy(uuid: string): Promise<void> {
    await this.#ask(
      ["destroy", uuid],
      /domain is not running|failed to get domain|domain not found/i,
      ACT_SECONDS,
    );
  }

  /** Asks what runs in it to end; whether that hears it is not known. */
  async shutdown(uuid: string): Promise<void> {
    await this.#ask(["shutdown", uuid], /./);
  }

  /** Writes metadata that no other process of this host may read meanwhile. */
  async setMetadata(
    uuid: string,
    of: { uri: string; key: string },
    element: string,
  ): Promise<void> {
    const args = ["metadata", uuid, "--uri", of.uri, "--key", of.key, "--config", "--edit"];
    // An argument could be read by anybody on the host, so virsh is given an editor that puts it in.
    const editor = "cp /dev/stdin";
    const env = { ...this.env, EDITOR: editor, VISUAL: editor };
    await this.#run(args, { env, seconds: ASK_SECONDS, signal: this.signal, input: element });
  }

  /** From what is written down of it and, while it is active, from what runs. */
  async removeMetadata(uuid: string, of: { uri: string }, isActive: boolean): Promise<void> {
    const where = isActive ? ["--config", "--live"] : ["--config"];
    const args = ["metadata", uuid, "--uri", of.uri, ...where, "--remove"];
    await this.#ask(args, /metadata not found|failed to get domain|domain not found/i);
  }

  #askAbout(args: readonly string[]): Promise<string | null> {
    return this.#ask(args, /failed to get domain|domain not found|domain is not running/i);
  }

  /** @returns null when it says no in those words */
  async #ask(args: readonly string[], no?: RegExp, seconds = ASK_SECONDS): Promise<string | null> {
    const options = { env: this.env, seconds, signal: this.signal };
    return this.#run(args, options, no);
  }

  async #run(
    args: readonly string[],
    options: Parameters<typeof command>[2],
    no?: RegExp,
  ): Promise<string | null> {
    try {
      return await command("virsh", ["-q", "-c", this.uri, ...args], options);
    } catch (error) {
      if (!(error instanceof CommandFailed)) throw error;
      if (no?.test(error.message) && !CUT_OFF.test(error.message)) return null;
      throw refusal(error.message, this.secrets);
    }
  }
}

/** Whatever else is said then, it says nothing of the domain. */
const CUT_OFF = /failed to connect to the hypervisor|end of file while reading|disconnected from/i;
