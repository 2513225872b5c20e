/**
 * From whatever lies in the working directory to the wanted revision (CORE §5.4).
 *
 *   incremental    fetch and check out over what is there
 *   full clobber   remove, clone
 *   full fresh     fetch, check out, remove all that is not tracked
 *   full clean     the same, but what the repository ignores stays
 *   full copy      incremental in `source`, copied to the working directory
 *
 * Where there is no repository yet, each of them clones.
 */
import type { Argument } from "../../domain/wire";
import { GitFailed, type GitRunner } from "./runner";
import type { GitOptions } from "./schema";

export interface Wanted {
  readonly repourl: Argument;
  /** `HEAD`: whatever the repository's own default is. */
  readonly branch: string;
  /** Null: the newest of the branch. */
  readonly revision: string | null;
}

/** Left beside a patched checkout, so that the next build begins with a clean one. */
export const PATCHED = ".buildbot-patched";
const SOURCE = "source";

export class Checkout {
  constructor(
    readonly runner: GitRunner,
    readonly options: GitOptions,
    readonly wanted: Wanted,
  ) {}

  /** @throws StepOver, GitFailed */
  async run(): Promise<void> {
    const { mode, workdir } = this.options;
    const method = this.options.method ?? "fresh";
    if (mode === "incremental") return this.#again(workdir, () => this.#update(workdir));
    if (method === "clobber") return this.#again(workdir, () => this.#clone(workdir));
    if (method === "copy") {
      await this.runner.remove(workdir);
      await this.#again(SOURCE, () => this.#update(SOURCE));
      return this.runner.copy(SOURCE, workdir);
    }
    return this.#again(workdir, async () => {
      await this.#update(workdir);
      await this.#clean(workdir, method === "fresh");
    });
  }

  /** `retry` and `clobberOnFailure`: once more, as often as the recipe says. */
  async #again(directory: string, work: () => Promise<void>): Promise<void> {
    const [delay, times] = this.options.retry ?? [0, 0];
    let attempt = work;
    for (let left = times; ; left -= 1) {
      try {
        return await attempt();
      } catch (error) {
        if (!(error instanceof GitFailed)) throw error;
        if (this.options.clobberOnFailure && attempt === work) {
          attempt = () => this.#clone(directory);
          continue;
        }
        if (left <= 0) throw error;
        await this.runner.wait(delay);
      }
    }
  }

  async #update(directory: string): Promise<void> {
    if (!(await this.runner.exists(`${directory}/.git`))) return this.#clone(directory);
    if (await this.runner.exists(`${directory}/${PATCHED}`)) await this.#clean(directory, true);
    // The recipe may name another one by now: what submodules' addresses are relative to.
    const remote = `remote.${this.options.origin ?? "origin"}.url`;
    await this.runner.git(directory, "config", remote, this.wanted.repourl);
    await this.#reach(directory);
    await this.#submodules(directory);
  }

  async #clone(directory: string): Promise<void> {
    const { options, wanted, runner } = this;
    const { branch, revision } = wanted;
    // The builder's own directory cannot be removed while it is worked in.
    if (!isHere(directory)) await runner.remove(directory);
    // What `clone` can be told to check out: a branch or a tag.
    const isPlain = revision === null && !branch.startsWith("refs/");
    await runner.git(
      directory,
      "clone",
      ...(isPlain ? [] : ["--no-checkout"]),
      ...(isPlain && branch !== "HEAD" ? ["--branch", branch] : []),
      ...(options.reference ? ["--reference", options.reference] : []),
      ...(options.origin ? ["--origin", options.origin] : []),
      ...this.#transfer(),
      "--",
      wanted.repourl,
      ".",
    );
    if (!isPlain) await this.#reach(directory);
    await this.#submodules(directory);
  }

  /** The wanted revision, fetched unless it is there, in the working directory. */
  async #reach(directory: string): Promise<void> {
    const { branch, revision } = this.wanted;
    if (revision !== null && (await this.#has(directory, revision))) {
      return this.#checkOut(directory, revision);
    }
    await this.#fetch(directory, branch);
    if (revision === null) return this.#checkOut(directory, "FETCH_HEAD");
    // It may be on no branch at all (a pull request): some servers give it when asked by name.
    if (!(await this.#has(directory, revision))) await this.#fetch(directory, revision);
    return this.#checkOut(directory, revision);
  }

  async #has(directory: string, revision: string): Promise<boolean> {
    const { rc } = await this.runner.try(directory, "cat-file", "-e", `${revision}^{commit}`);
    return rc === 0;
  }

  async #fetch(directory: string, ref: string): Promise<void> {
    const args = [
      "fetch",
      "--force",
      ...(this.options.tags ? ["--tags"] : []),
      ...this.#transfer(),
      "--",
      this.wanted.repourl,
      ref,
    ];
    const { rc, kept } = await this.runner.try(directory, ...args);
    if (rc === 0) return;
    if (!this.options.retryFetch) throw new GitFailed(`${kept.stdout}\n${kept.stderr}`);
    await this.runner.git(directory, ...args);
  }

  /** On a branch of that name where that can be, so that tools that ask for it find it. */
  async #checkOut(directory: string, target: string): Promise<void> {
    const { branch } = this.wanted;
    const name = branch.replace(/^refs\/heads\//, "");
    if (name !== "HEAD" && !name.startsWith("refs/")) {
      const { rc } = await this.runner.try(directory, "checkout", "--force", "-B", name, target);
      // A branch `a` cannot be where a branch `a/b` was.
      if (rc === 0) return;
    }
    await this.runner.git(directory, "checkout", "--force", "--detach", target);
  }

  async #submodules(directory: string): Promise<void> {
    const { submodules, remoteSubmodules, progress, shallow } = this.options;
    if (!submodules) return;
    await this.runner.git(directory, "submodule", "sync", "--recursive");
    await this.runner.git(
      directory,
      "submodule",
      "update",
      "--init",
      "--recursive",
      "--force",
      ...(remoteSubmodules ? ["--remote"] : []),
      ...(progress ? ["--progress"] : []),
      ...(shallow ? ["--depth", String(Number(shallow))] : []),
    );
  }

  async #clean(directory: string, withIgnored: boolean): Promise<void> {
    // Twice forced: repositories that lie in it are no reason to stop.
    const clean = ["clean", "-f", "-f", "-d", ...(withIgnored ? ["-x"] : [])];
    await this.runner.git(directory, ...clean);
    if (this.options.submodules) {
      const each = ["submodule", "foreach", "--recursive", ["git", ...clean].join(" ")];
      await this.runner.git(directory, ...each);
    }
  }

  #transfer(): string[] {
    const { progress, shallow, filters } = this.options;
    return [
      ...(progress ? ["--progress"] : []),
      ...(shallow ? ["--depth", String(Number(shallow))] : []),
      ...(filters ?? []).map((filter) => `--filter=${filter}`),
    ];
  }
}

const isHere = (directory: string) => /^(\.?\/)*\.?$/.test(directory);
