/** A hypervisor that is a folder, and the virsh that tells of it; see `fake-virsh.mjs`. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** What it is to do from now on. */
export interface Told {
  /** No connection. */
  away?: boolean;
  /** These get no answer. */
  silent?: string[];
  /** These get it after so many milliseconds. */
  slow?: Record<string, number>;
  /** These are done, and the connection is lost before the answer. */
  cutOff?: string[];
  /** A domain has ended when this is asked of it. */
  vanish?: string;
  /** Domains keep no metadata. */
  forgetful?: boolean;
  /** What `domstate` says in place of the truth. */
  lie?: string;
}

export interface FakeDomain {
  readonly name: string;
  readonly uuid: string;
  state: string;
  reason: string;
  readonly run: number;
  readonly disks: string[];
  readonly marks: Record<string, string>;
  readonly isTransient?: boolean;
}

const PROGRAM = fileURLToPath(new URL("fake-virsh.mjs", import.meta.url));

export class FakeHypervisor {
  readonly folder = mkdtempSync(join(tmpdir(), "slipway-virsh-"));
  readonly env: Record<string, string>;

  constructor() {
    const bin = join(this.folder, "bin");
    mkdirSync(bin);
    chmodSync(PROGRAM, 0o755);
    symlinkSync(PROGRAM, join(bin, "virsh"));
    const path = `${bin}:${dirname(process.execPath)}:/usr/bin:/bin`;
    this.env = { PATH: path, HOME: this.folder, FAKE_VIRSH: this.folder };
    this.domains = [];
    this.tell({});
  }

  tell(told: Told): void {
    writeFileSync(join(this.folder, "told"), JSON.stringify(told));
  }

  get domains(): FakeDomain[] {
    return JSON.parse(readFileSync(join(this.folder, "domains"), "utf8"));
  }

  set domains(domains: FakeDomain[]) {
    writeFileSync(join(this.folder, "domains"), JSON.stringify(domains));
  }

  get active(): string[] {
    return this.domains.filter(({ state }) => state !== "shut off").map(({ name }) => name);
  }

  /** Its verbs, in the order in which they came. */
  get calls(): string[] {
    return this.#lines("calls");
  }

  /** What virsh would not have taken. */
  get faults(): string[] {
    return this.#lines("faults");
  }

  define(name: string, disks: string[] = []): void {
    const uuid = `00000000-0000-4000-8000-${String(this.domains.length).padStart(12, "0")}`;
    const domain = { name, uuid, state: "shut off", reason: "unknown", run: 0, disks, marks: {} };
    this.domains = [...this.domains, domain];
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 20 });
  }

  #lines(name: string): string[] {
    const file = join(this.folder, name);
    return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
  }
}
