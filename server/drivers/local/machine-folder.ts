/**
 * Where a machine lives on this host: a directory that belongs to whom its programs run as, and beside
 * it, where they change nothing, the file that they print to. What builds leave behind is never followed
 * or taken away with more rights than they had: a link in it may lead anywhere.
 */
import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { chown, type FileHandle, mkdir, open, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { DriverError, machineKeySchema } from "../contract";

export interface Account {
  readonly uid?: number;
  readonly gid?: number;
}

const MOST_SAID = 2_000;
const REMOVE_MS = 60_000;

export class MachineFolder {
  readonly path: string;
  readonly #log: string;

  constructor(
    folder: string,
    key: string,
    private readonly account: Account = {},
  ) {
    if (!machineKeySchema.safeParse(key).success) {
      throw new DriverError("bad-configuration", `${JSON.stringify(key)} is no key of a machine`);
    }
    this.path = join(folder, key);
    this.#log = join(folder, `${key}.log`);
  }

  /** @returns what its programs print to */
  async make(): Promise<FileHandle> {
    const { uid, gid = uid } = this.account;
    await mkdir(this.path, { recursive: true, mode: 0o700 });
    if (uid !== undefined) await chown(this.path, uid, gid as number);
    return open(this.#log, "a", 0o600);
  }

  /** The end of what they printed, however much it is. */
  async said(): Promise<string> {
    const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
    try {
      const file = await open(this.#log, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
      try {
        const { size } = await file.stat();
        const end = Buffer.alloc(Math.min(size, MOST_SAID));
        const { bytesRead } = await file.read(end, 0, end.length, size - end.length);
        return end.toString("utf8", 0, bytesRead).trim();
      } finally {
        await file.close();
      }
    } catch {
      return "";
    }
  }

  /** @throws DriverError while something is still written there */
  async remove(): Promise<void> {
    if (this.account.uid === undefined) await rm(this.path, { recursive: true, force: true });
    else await this.#removeAsThey();
    await rm(this.#log, { force: true });
  }

  /** The directory itself stands in ours, so that they empty it and we take it away. */
  async #removeAsThey(): Promise<void> {
    // Folders that may not be written to, as package managers make them, are no reason to stay.
    const attempts = [[], ["chmod", "-R", "u+rwX", "--"], ["rm", "-rf", "--"]] as const;
    for (const [program, ...args] of attempts) {
      if (program !== undefined) await this.#asThey(program, [...args, this.path]);
      const left = await rmdir(this.path).then(
        () => null,
        (error: NodeJS.ErrnoException) => error,
      );
      if (left === null || left.code === "ENOENT") return;
      if (left.code !== "ENOTEMPTY" && left.code !== "EEXIST") throw refused(left);
    }
    throw new DriverError("provider-down", `what builds left in ${this.path} cannot be removed`);
  }

  /** Whether it did what it should is seen by what is left. */
  #asThey(program: string, args: readonly string[]): Promise<void> {
    const options = { ...this.account, cwd: "/", env: {}, timeout: REMOVE_MS } as const;
    return new Promise((resolve) => {
      // Types of the web framework want NODE_ENV in every environment.
      execFile(`/bin/${program}`, args, options as object, () => resolve());
    });
  }
}

const refused = ({ message }: Error) => new DriverError("provider-down", message);
