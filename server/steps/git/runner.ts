/** Runs git on the worker for one step, and knows what the last failure printed. */
import type { Argument, CommandEnd, ShellArgs } from "../../domain/wire";
import { unusual } from "../command-result";
import type { Environment, Kept, StepContext, StepOutcome } from "../contract";
import { lockInTheWay } from "./lock";

/** The step is over before its end: stopped, or its worker is lost or cannot do it. */
export class StepOver extends Error {
  constructor(readonly outcome: StepOutcome) {
    super(outcome.summary);
  }
}

/** A command of git failed, and with it the checkout. */
export class GitFailed extends Error {
  constructor(readonly printed: string) {
    super("git failed");
  }
}

export interface RunnerOptions {
  readonly title: string;
  readonly timeout: number | null;
  readonly logEnviron: boolean;
  readonly env: Environment;
  /** `-c name=value` for every command. */
  readonly config: readonly Argument[];
}

const MAX_LOCKS = 5;

/** git is ended kindly, so that it takes its lock files with it. */
const SIGTERM_SECONDS = 1;

export class GitRunner {
  readonly #context: StepContext;
  readonly #options: RunnerOptions;
  #printsEnvironment: boolean;

  constructor(context: StepContext, options: RunnerOptions) {
    this.#context = context;
    this.#options = options;
    this.#printsEnvironment = options.logEnviron;
  }

  /** @throws StepOver, GitFailed */
  async git(workdir: string, ...args: readonly Argument[]): Promise<Kept> {
    const { rc, kept } = await this.try(workdir, ...args);
    if (rc !== 0) throw new GitFailed(`${kept.stdout}\n${kept.stderr}`);
    return kept;
  }

  /**
   * Whatever its exit status is. The directory is the builder's own: a lock file in the way is left
   * of a git that was killed, and goes.
   *
   * @throws StepOver
   */
  async try(
    workdir: string,
    ...args: readonly Argument[]
  ): Promise<{ readonly rc: number | null; readonly kept: Kept }> {
    const removed = new Set<string>();
    for (;;) {
      const done = await this.shell(workdir, ["git", ...this.#options.config, ...args]);
      const lock = done.rc === 0 ? null : lockInTheWay(done.kept.stderr);
      if (lock === null || removed.has(lock) || removed.size >= MAX_LOCKS) return done;
      removed.add(lock);
      const path = `${workdir}/.git/${lock}`;
      this.#context.header(`${path} is left of a git that was killed: removing it\n`);
      this.rcOf(await this.#context.command({ name: "rmfile", args: { path } }));
    }
  }

  async shell(workdir: string, command: ShellArgs["command"]) {
    const { timeout, env } = this.#options;
    const logEnviron = this.#printsEnvironment;
    // Once is enough for a reader.
    this.#printsEnvironment = false;
    const { end, kept } = await this.#context.keep({
      name: "shell",
      args: { command, workdir, env, timeout, logEnviron, sigtermTime: SIGTERM_SECONDS },
    });
    return { rc: this.rcOf(end), kept };
  }

  /** @throws StepOver */
  async exists(file: string): Promise<boolean> {
    return this.rcOf(await this.#context.ask({ name: "stat", args: { file } })) === 0;
  }

  /** @throws StepOver, GitFailed */
  async remove(dir: string): Promise<void> {
    const { timeout } = this.#options;
    const end = await this.#context.command({ name: "rmdir", args: { dir, timeout } });
    if (this.rcOf(end) !== 0) throw new GitFailed(`cannot remove ${dir}`);
  }

  /** @throws StepOver, GitFailed */
  async copy(fromdir: string, todir: string): Promise<void> {
    const { timeout } = this.#options;
    const end = await this.#context.command({ name: "cpdir", args: { fromdir, todir, timeout } });
    if (this.rcOf(end) !== 0) throw new GitFailed(`cannot copy ${fromdir} to ${todir}`);
  }

  /** Lets time go by on the worker, where a stop reaches it. */
  async wait(seconds: number): Promise<void> {
    const isWindows = this.#context.worker.system === "nt";
    const whole = Math.ceil(seconds);
    const command = isWindows
      ? ["ping", "-n", String(whole + 1), "127.0.0.1"]
      : ["sleep", String(whole)];
    const end = await this.#context.command({
      name: "shell",
      args: { command, workdir: ".", logEnviron: false, timeout: null },
    });
    this.rcOf(end);
  }

  /** @throws StepOver */
  rcOf(end: CommandEnd): number | null {
    const over = unusual(end, this.#options.title, this.#context);
    if (over) throw new StepOver(over);
    return end.kind === "completed" ? end.rc : null;
  }
}
