/** The builders this worker serves, their directories, and what is left over from former ones. */
import { mkdir, readdir, rm } from "node:fs/promises";
import { join, relative, resolve, sep } from "node:path";
import type { BuilderRef } from "../../server/domain/wire";
import type { Environment } from "../process/environment";
import { BuilderSlot } from "./builder-slot";

export interface SlotsOptions {
  readonly basedir: string;
  readonly environ: Environment;
  /** Removes directories that no builder owns; else they are only told. */
  readonly deleteLeftoverDirs: boolean;
  /** A builder is served no more, or elsewhere. */
  readonly onDropped: (name: string) => void;
  readonly log: (line: string) => void;
}

/** Not a builder's, and not left over either. */
const OWN_DIRECTORIES = new Set(["info"]);

export class BuilderSlots {
  readonly #options: SlotsOptions;
  readonly #slots = new Map<string, BuilderSlot>();

  constructor(options: SlotsOptions) {
    this.#options = options;
  }

  get(name: string): BuilderSlot | undefined {
    return this.#slots.get(name);
  }

  get isBusy(): boolean {
    return [...this.#slots.values()].some((slot) => slot.isBusy);
  }

  /** Replaces the list. Slots that stay keep their command; a directory outside ours is refused. */
  async serve(builders: readonly BuilderRef[]): Promise<void> {
    const wanted = new Map(builders.map(({ name, builddir }) => [name, this.#inside(builddir)]));
    for (const [name, slot] of this.#slots) {
      if (wanted.get(name) === slot.builderDir) continue;
      this.#slots.delete(name);
      this.#options.onDropped(name);
      void slot.abandon();
    }
    for (const [name, builderDir] of wanted) {
      await mkdir(builderDir, { recursive: true });
      if (this.#slots.has(name)) continue;
      this.#slots.set(name, new BuilderSlot(builderDir, this.#options.environ));
    }
    await this.#tidy(new Set(wanted.values()));
  }

  /** The connection is gone: commands end in silence, but those that are kept. Resolves when they have. */
  async abandon(): Promise<void> {
    await Promise.all([...this.#slots.values()].map((slot) => slot.abandon()));
  }

  #inside(builddir: string): string {
    const { basedir } = this.#options;
    const path = resolve(basedir, builddir);
    const inner = relative(basedir, path);
    if (inner === "" || inner === ".." || inner.startsWith(`..${sep}`)) {
      throw new Error(`the builder directory ${builddir} is not below the worker's`);
    }
    return path;
  }

  async #tidy(wanted: ReadonlySet<string>): Promise<void> {
    const { basedir, deleteLeftoverDirs, log } = this.#options;
    const entries = await readdir(basedir, { withFileTypes: true });
    for (const entry of entries) {
      const path = join(basedir, entry.name);
      const isUsed = [...wanted].some((one) => one === path || one.startsWith(path + sep));
      if (!entry.isDirectory() || isUsed || OWN_DIRECTORIES.has(entry.name)) continue;
      if (!deleteLeftoverDirs) {
        log(`${entry.name}: a directory that no builder of the master uses`);
        continue;
      }
      log(`${entry.name}: removed, no builder of the master uses it`);
      await rm(path, { recursive: true, force: true });
    }
  }
}
