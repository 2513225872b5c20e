/** What a running step may do, and what is kept of what its commands say. */
import type { Command, CommandEnd, StatResult } from "../../domain/wire";
import type { Keeping, WorkerSession } from "../../protocols/contract";
import type { Kept, StepContext } from "../../steps/contract";
import type { BuildValues } from "./build-values";
import { type Listener, runCommand } from "./run-command";
import type { StepLogs } from "./step-logs";

const MAX_KEPT_BYTES = 262_144;
/** What must not be left behind gets this long after a stop. */
const CLEAN_UP_MS = 60_000;

const UNHEARD: Listener = { output() {}, file() {} };

export interface StepRun {
  readonly session: WorkerSession;
  readonly builderName: string;
  readonly values: BuildValues;
  readonly logs: StepLogs;
  readonly stop: AbortSignal;
  /** Of every command, in order. */
  readonly ends: CommandEnd[];
  /** Of the command that has this place among those of the step. */
  readonly keeping: (ordinal: number) => Keeping | undefined;
  /** A command was lost; the step hears of it when this settles. */
  readonly onLost: () => Promise<void>;
}

export function stepContext(run: StepRun): StepContext {
  const { session, builderName, values, logs, stop, ends } = run;
  let ordinal = 0;
  const runOne = async (command: Command, listener: Listener, signal: AbortSignal) => {
    const keeping = run.keeping(ordinal++);
    const end = await runCommand(session, builderName, command, listener, signal, keeping);
    if (end.kind === "lost") await run.onLost();
    return end;
  };
  const { sourceStamps, worker, builddir, env } = values.known;
  const renderedEnv = values.render(env);
  return {
    get properties() {
      return values.properties;
    },
    setProperty: (name, value, source) => values.set(name, value, source),
    sourceStamps,
    worker,
    builddir,
    env: renderedEnv,
    isEnvHidden:
      JSON.stringify(values.renderShown(env, renderedEnv)) !== JSON.stringify(renderedEnv),
    stop,
    header: (text) => void logs.output("header", Buffer.from(text)),
    async command(command) {
      const end = await runOne(command, logs, stop);
      ends.push(end);
      return end;
    },
    async ask(command) {
      const end = await runOne(command, UNHEARD, stop);
      ends.push(end);
      return end;
    },
    async keep(command) {
      const keeper = new Keeper(logs);
      const end = await runOne(command, keeper, stop);
      const kept = keeper.kept((text) => values.redact(text));
      const recorded = { ...end, kept };
      ends.push(recorded);
      return { end, kept };
    },
    async cleanUp(command: Command) {
      const end = await runOne(command, logs, AbortSignal.timeout(CLEAN_UP_MS));
      ends.push(end);
      return end;
    },
  };
}

/** Passes everything on to the logs, and keeps the beginning of it. */
class Keeper {
  readonly #texts = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  #bytes = 0;
  #isCut = false;
  #stat: StatResult | null = null;
  #files: readonly string[] | null = null;

  constructor(readonly logs: Pick<StepLogs, "output" | "file">) {}

  output(stream: "stdout" | "stderr" | "header", bytes: Uint8Array): void | Promise<void> {
    if (stream !== "header") {
      const piece = Buffer.from(bytes.subarray(0, Math.max(0, MAX_KEPT_BYTES - this.#bytes)));
      this.#isCut ||= piece.length < bytes.length;
      this.#bytes += piece.length;
      if (piece.length > 0) this.#texts[stream].push(piece);
    }
    return this.logs.output(stream, bytes);
  }

  file(name: string, bytes: Uint8Array): void | Promise<void> {
    return this.logs.file(name, bytes);
  }

  stat(value: StatResult): void {
    this.#stat = value;
  }

  files(names: readonly string[]): void {
    this.#files = names;
  }

  kept(redact: (text: string) => string): Kept {
    const text = (pieces: readonly Buffer[]) => redact(Buffer.concat(pieces).toString());
    return {
      stdout: text(this.#texts.stdout),
      stderr: text(this.#texts.stderr),
      isCut: this.#isCut,
      stat: this.#stat,
      files: this.#files,
    };
  }
}
