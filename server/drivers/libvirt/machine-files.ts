/**
 * The files of one machine, all beside its disk: the clone of its base image, what its worker needs to
 * log in, its console. `DISK.slipway` says which machine they belong to, and whether the disk is a clone
 * of ours, and is written first: what has no such note was not made here and is never overwritten or removed.
 */
import { existsSync } from "node:fs";
import { open, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { type AgentLogin, DriverError } from "../contract";
import { CommandFailed, type CommandOptions, command } from "./command";
import { fileRefusal, refusal } from "./refusal";

/** Whoever waits for the machine says how long a full copy of an image may take. */
const COPY_SECONDS = 3 * 3_600;
const CLONE_SECONDS = 60;
/** A raw disk has whole sectors. */
const LOGIN_BYTES = 4_096;
const CONSOLE_TAIL = 4_000;

const MOST_PRINTED = 65_536;
const CLONE = "clone";

/** 0 where it has none, or the hypervisor keeps it for itself. */
const sizeOf = async (path: string) => (await stat(path).catch(() => null))?.size ?? 0;

async function readPart(path: string, from: number, to: number): Promise<Buffer> {
  const start = Math.max(0, from);
  const part = Buffer.alloc(Math.max(0, to - start));
  if (part.length === 0) return part;
  try {
    const file = await open(path, "r");
    try {
      const { bytesRead } = await file.read(part, 0, part.length, start);
      return part.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch {
    return Buffer.alloc(0);
  }
}

export class MachineFiles {
  readonly login: string;
  readonly console: string;
  readonly #note: string;

  constructor(
    readonly disk: string,
    private readonly key: string,
    private readonly hasClone = false,
  ) {
    this.login = `${disk}.login`;
    this.console = `${disk}.console`;
    this.#note = `${disk}.slipway`;
  }

  /** Whose they are; null when they are none of ours. */
  async owner(): Promise<string | null> {
    return (await this.#noted()).owner;
  }

  async #noted(): Promise<{ owner: string | null; isClone: boolean }> {
    const text = await readFile(this.#note, "utf8").catch(() => "");
    const [owner = "", what] = text.split("\n");
    return { owner: owner.trim() || null, isClone: what === CLONE };
  }

  /** From here on they are this machine's. */
  async take(): Promise<void> {
    if (this.hasClone && existsSync(this.disk) && (await this.owner()) === null) {
      const message = `hd_image ${this.disk} is there already and was not cloned by Slipway: remove it, or name another file`;
      throw new DriverError("bad-configuration", message);
    }
    await this.#put(this.#note, `${this.key}\n${this.hasClone ? `${CLONE}\n` : ""}`, 0o644);
  }

  /** Done under another name first: a disk that is in use keeps what it has. */
  async clone(
    base: string,
    isCheap: boolean,
    { env, signal }: Pick<CommandOptions, "env" | "signal">,
  ): Promise<void> {
    if (!existsSync(base)) {
      throw new DriverError("bad-configuration", `base_image ${base} is not on this host`);
    }
    const part = `${this.disk}.${this.key}.part`;
    const cheap = { env, signal, seconds: CLONE_SECONDS };
    try {
      await rm(part, { force: true });
      if (isCheap) {
        const asked = await command("qemu-img", ["info", "-U", "--output=json", base], cheap);
        const format = String((JSON.parse(asked) as { format?: unknown }).format);
        await command(
          "qemu-img",
          ["create", "-q", "-f", "qcow2", "-b", base, "-F", format, part],
          cheap,
        );
      } else {
        const copy = ["--reflink=auto", "--sparse=auto", "--", base, part];
        await command("cp", copy, { ...cheap, seconds: COPY_SECONDS });
      }
      await rename(part, this.disk);
    } catch (error) {
      await rm(part, { force: true }).catch(() => {});
      if (error instanceof DriverError || signal.aborted) throw error;
      if (error instanceof CommandFailed) throw refusal(`base_image: ${error.message}`);
      throw fileRefusal(error, this.disk);
    }
  }

  /** `name=value` lines and zeros: readable in the machine without a file system. */
  async writeLogin(agent: AgentLogin, masterHost: string): Promise<void> {
    const protocol = agent.protocol === "pb" ? "pb" : "msgpack_experimental_v7";
    const lines = {
      ...{ BUILDMASTER: masterHost, BUILDMASTER_PORT: agent.port, BUILDMASTER_PROTOCOL: protocol },
      ...{ WORKERNAME: agent.name, WORKERPASS: agent.password, MACHINE: this.key },
    };
    const text = Object.entries(lines).map(([name, value]) => `${name}=${value}\n`);
    const image = Buffer.alloc(LOGIN_BYTES);
    image.write(text.join(""));
    await this.#put(this.login, image, 0o600);
  }

  /** It is there before the hypervisor writes to it, so that it stays ours to read. */
  async makeConsole(): Promise<void> {
    await this.#put(this.console, "", 0o600);
  }

  async consoleTail(): Promise<string> {
    const size = await sizeOf(this.console);
    return (await readPart(this.console, size - CONSOLE_TAIL, size)).toString("utf8");
  }

  /** Whole lines, as far as there are any. */
  async printedSince(offset: number): Promise<{ readonly text: string; readonly next: number }> {
    const to = Math.min(await sizeOf(this.console), offset + MOST_PRINTED);
    const part = await readPart(this.console, offset, to);
    const end = part.length < MOST_PRINTED ? part.lastIndexOf("\n") + 1 : part.length;
    return { text: part.subarray(0, end).toString("utf8"), next: offset + end };
  }

  /** What nobody may hear of the machine. */
  async secrets(): Promise<string[]> {
    const login = await readFile(this.login, "utf8").catch(() => "");
    const password = /^WORKERPASS=(.+)$/m.exec(login)?.[1];
    return password === undefined ? [] : [password];
  }

  /** What was made for this machine, and nothing that another one has by now. */
  async remove(): Promise<void> {
    const { owner, isClone } = await this.#noted();
    if (owner !== this.key) return;
    const all = [`${this.disk}.${this.key}.part`, this.login, this.console];
    for (const path of [...all, ...(this.hasClone || isClone ? [this.disk] : []), this.#note]) {
      await rm(path, { force: true }).catch((error) => {
        throw fileRefusal(error, path);
      });
    }
  }

  async #put(path: string, content: string | Buffer, mode: number): Promise<void> {
    const part = `${path}.part`;
    try {
      await writeFile(part, content, { mode });
      await rename(part, path);
    } catch (error) {
      throw fileRefusal(error, path);
    }
  }
}
