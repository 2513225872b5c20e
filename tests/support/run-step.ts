/** Runs one step without engine and worker: each command is answered by the test. */
import type { JsonValue, Properties } from "../../server/domain/properties";
import type { Command, CommandEnd, StatResult } from "../../server/domain/wire";
import { steps } from "../../server/steps";
import type { StepContext, StepOutcome, StepPlan } from "../../server/steps/contract";

export interface Answer {
  readonly end?: CommandEnd;
  readonly stdout?: string;
  readonly stderr?: string;
  readonly isCut?: boolean;
  readonly stat?: StatResult;
  readonly files?: readonly string[];
}

export interface StepRan {
  readonly plan: StepPlan;
  readonly description: string;
  readonly doStepIf: boolean;
  readonly outcome: StepOutcome;
  readonly commands: readonly Command[];
  readonly properties: Properties;
  readonly headers: string;
}

export const ended = (rc: number | null, failureReason: string | null = null): CommandEnd => ({
  kind: "completed",
  rc,
  elapsedSeconds: 1,
  failureReason: failureReason as never,
});

/** @param shown the options with names in the place of hidden values */
export async function runStep(
  options: Readonly<Record<string, JsonValue>>,
  answer: (command: Command, index: number) => Answer = () => ({}),
  {
    isStopped = false,
    shown = options,
    ...more
  }: Partial<StepContext> & {
    isStopped?: boolean;
    shown?: object;
  } = {},
): Promise<StepRan> {
  const step = steps.make(options, shown);
  const commands: Command[] = [];
  const headers: string[] = [];
  let properties: Properties = more.properties ?? {};
  const stop = new AbortController();
  if (isStopped) stop.abort("enough");
  const said = (command: Command) => {
    commands.push(command);
    const { end = ended(0), ...rest } = answer(command, commands.length - 1);
    const kept = { stdout: "", stderr: "", isCut: false, stat: null, files: null, ...rest };
    return { end, kept };
  };
  const outcome = await step.run({
    sourceStamps: [],
    worker: { system: "posix", basedir: "/w", version: "4.0", commands: {}, environ: {} },
    builddir: "/w/b",
    env: {},
    isEnvHidden: false,
    stop: stop.signal,
    header: (text) => void headers.push(text),
    keep: async (command) => said(command),
    command: async (command) => said(command).end,
    ask: async (command) => said(command).end,
    cleanUp: async (command) => said(command).end,
    ...more,
    get properties() {
      return properties;
    },
    setProperty(name, value, source) {
      properties = { ...properties, [name]: [value, source] };
    },
  });
  return {
    plan: steps.plan(options),
    description: step.description,
    doStepIf: step.doStepIf,
    outcome,
    commands,
    properties,
    headers: headers.join(""),
  };
}
