/**
 * Git: brings the source of a build to the worker (CORE §5.4).
 *
 * The revision is the source stamp's, else the last change's, else the newest of the branch. What
 * was checked out becomes the property `got_revision`.
 */
import { FAILURE, SUCCESS } from "../../domain/builds";
import type { JsonValue } from "../../domain/properties";
import type { Argument } from "../../domain/wire";
import type { Environment, SourceStamp, StepContext, StepKind, StepOutcome } from "../contract";
import { texts } from "../options";
import { Checkout } from "./checkout";
import { applyPatch } from "./patch";
import { PrivateFiles } from "./private-files";
import { GitFailed, GitRunner, StepOver } from "./runner";
import { type GitOptions, gitSchema } from "./schema";
import { whyItFailed } from "./why";

const SOURCE = "Git";
const SHORT_REVISION = 10;
const REF = /^[^-\s\p{C}][^\p{C}]{0,999}$/u;

export const git: StepKind<GitOptions> = {
  type: "Git",
  name: "git",
  defaults: { haltOnFailure: true },
  schema: gitSchema,
  make(options, shown) {
    const { running, done } = texts(shown, "updating", "update");
    return {
      doStepIf: options.doStepIf,
      description: running,
      async run(context) {
        try {
          return await new GitStep(options, shown, done, context).run();
        } catch (error) {
          if (error instanceof StepOver) return error.outcome;
          throw error;
        }
      },
    };
  },
};

class GitStep {
  readonly #options: GitOptions;
  readonly #shown: GitOptions;
  readonly #title: string;
  readonly #context: StepContext;
  readonly #branch: string;
  readonly #revision: string | null;
  readonly #patch: SourceStamp["patch"];

  constructor(options: GitOptions, shown: GitOptions, title: string, context: StepContext) {
    this.#options = options;
    this.#shown = shown;
    this.#title = title;
    this.#context = context;
    const stamp = context.sourceStamps.find(({ codebase }) => codebase === options.codebase);
    // What the recipe says alone: the newest of its branch, whatever the build was asked for.
    const source = options.alwaysUseLatest ? undefined : stamp;
    this.#branch = source?.branch || options.branch;
    this.#revision = (source && revisionOf(source)) || null;
    this.#patch = source?.patch ?? null;
  }

  async run(): Promise<StepOutcome> {
    const { codebase } = this.#options;
    const { sourceStamps } = this.#context;
    if (codebase !== "" && !sourceStamps.some((stamp) => stamp.codebase === codebase)) {
      return this.#failed(`the build has no source stamp for codebase ${JSON.stringify(codebase)}`);
    }
    for (const ref of [this.#branch, this.#revision]) {
      if (ref !== null && !REF.test(ref)) {
        return this.#failed(`${JSON.stringify(ref)} is no branch or revision`);
      }
    }
    const files = new PrivateFiles(this.#options, this.#context);
    if (!files.areNeeded) {
      // A build whose worker was lost could not clean up behind itself.
      if (await this.#runner(files).exists(files.directory)) await files.remove();
      return this.#checkOut(files);
    }
    try {
      const end = await files.write();
      if (end) {
        this.#runner(files).rcOf(end);
        return this.#failed("keys and passwords could not be written on the worker");
      }
      return await this.#checkOut(files);
    } finally {
      if (await files.remove()) {
        this.#context.header("keys and passwords could not be removed from the worker\n");
      }
    }
  }

  async #checkOut(files: PrivateFiles): Promise<StepOutcome> {
    const runner = this.#runner(files);
    const { workdir } = this.#options;
    try {
      const { rc } = await runner.shell(".", ["git", "--version"]);
      if (rc !== 0) return this.#failed("git cannot be run on the worker");
      await new Checkout(runner, this.#options, {
        repourl: this.#address(),
        branch: this.#branch,
        revision: this.#revision,
      }).run();
      if (this.#patch) await applyPatch(runner, this.#context, workdir, this.#patch);
      const revision = await this.#settle(runner);
      return { result: SUCCESS, summary: `${this.#title} ${revision.slice(0, SHORT_REVISION)}` };
    } catch (error) {
      if (!(error instanceof GitFailed)) throw error;
      return this.#failed(
        whyItFailed(error.printed, {
          repourl: this.#shown.repourl,
          branch: this.#branch,
          revision: this.#revision,
          hasCredentials: Boolean(this.#options.auth_credentials ?? this.#options.git_credentials),
          hasKey: Boolean(this.#options.sshPrivateKey),
          hasHosts: Boolean(this.#options.sshHostKey ?? this.#options.sshKnownHosts),
        }),
      );
    }
  }

  /** What the rest of the build may know of it. @returns the revision that is checked out */
  async #settle(runner: GitRunner): Promise<string> {
    const { codebase, workdir, getDescription } = this.#options;
    const { stdout } = await runner.git(workdir, "rev-parse", "--verify", "HEAD");
    const revision = stdout.trim();
    if (!/^[0-9a-f]{40,64}$/.test(revision)) throw new GitFailed(stdout);
    this.#context.setProperty("got_revision", this.#ofCodebase(revision), SOURCE);
    if (getDescription === false) return revision;
    const { rc, kept } = await runner.try(
      workdir,
      "describe",
      ...describeArguments(getDescription),
    );
    if (rc === 0) {
      const name = `commit-description${codebase === "" ? "" : `-${codebase}`}`;
      this.#context.setProperty(name, kept.stdout.trim(), SOURCE);
    }
    return revision;
  }

  /** One value for a build of one codebase, a map by codebase for the others (C-021). */
  #ofCodebase(revision: string): JsonValue {
    const { codebase } = this.#options;
    if (codebase === "") return revision;
    const [before] = this.#context.properties.got_revision ?? [null];
    const others = typeof before === "object" && before !== null && !Array.isArray(before);
    return { ...(others ? (before as Record<string, JsonValue>) : {}), [codebase]: revision };
  }

  #runner(files: PrivateFiles): GitRunner {
    const { options, context, shown } = {
      options: this.#options,
      context: this.#context,
      shown: this.#shown,
    };
    const given: Environment = { ...context.env, ...options.env };
    const { env, config } = files.settings(given);
    const isHidden =
      context.isEnvHidden || JSON.stringify(options.env) !== JSON.stringify(shown.env);
    return new GitRunner(context, {
      title: this.#title,
      timeout: options.timeout,
      logEnviron: options.logEnviron && !isHidden,
      // Messages that we can read, whatever the worker's language is.
      env: { LC_ALL: "C", ...given, ...env },
      config: [...config, ...this.#settings()],
    });
  }

  /** `-c name=value`; a value may hold a hidden one, such as a header with a token. */
  #settings(): Argument[] {
    const named = Object.values(this.#shown.config ?? {});
    return Object.entries(this.#options.config ?? {}).flatMap(([name, value], index) => {
      const real = `${name}=${value}`;
      const shown = `${name}=${named[index] ?? value}`;
      return ["-c", real === shown ? real : { real, shown }];
    });
  }

  /** Workers print command lines: a hidden value in the address has a name there. */
  #address(): Argument {
    const { repourl: real } = this.#options;
    const { repourl: name } = this.#shown;
    return real === name ? real : { real, shown: name };
  }

  #failed(why: string | null): StepOutcome {
    if (why === null) return { result: FAILURE, summary: `${this.#title} (failure)` };
    this.#context.header(`${why}\n`);
    return { result: FAILURE, summary: `${this.#title} failed: ${why}` };
  }
}

/** Of the stamp, else of the last change it was made for. */
function revisionOf({ revision, changes = [] }: SourceStamp): string | null {
  if (revision) return revision;
  const last = changes.at(-1) as { readonly revision?: unknown } | undefined;
  return typeof last?.revision === "string" && last.revision !== "" ? last.revision : null;
}

/** `{"match": "v*", "long": true}` → `--match=v* --long`; of the revision, unless it says `dirty`. */
function describeArguments(given: Exclude<GitOptions["getDescription"], false>): string[] {
  const options = given === true ? {} : given;
  const args = Object.entries(options).flatMap(([name, value]) => {
    if (value === undefined || value === false) return [];
    return value === true ? [`--${name}`] : [`--${name}=${value}`];
  });
  return options.dirty ? args : [...args, "HEAD"];
}
