/** The Git step on a real worker of any kind, without engine and database around it. */
import { join } from "node:path";
import { BuildValues } from "../../server/engine/execute/build-values";
import { stepContext } from "../../server/engine/execute/step-context";
import { msgpackProtocol } from "../../server/protocols/msgpack";
import { pbProtocol } from "../../server/protocols/pb";
import { steps } from "../../server/steps";
import type { SourceStamp } from "../../server/steps/contract";
import { MSGPACK, startBuildbotWorker } from "./buildbot-worker";
import { startSlipwayWorker } from "./slipway-worker";
import { testDoor } from "./worker-door";

export interface WorkerKind {
  readonly program: "buildbot-worker" | "slipway-worker";
  readonly protocol: "pb" | "msgpack";
}

const noStamp = { codebase: "", repository: "", branch: null, revision: null, project: "" };

/** @param secrets by name, for `%(secret:NAME)s` */
export async function openGitStepRig(
  { program, protocol }: WorkerKind,
  repourl: string,
  secrets: Readonly<Record<string, string>> = {},
) {
  const door = testDoor({ passwords: { w1: "pass" } });
  const listening = await (protocol === "pb" ? pbProtocol : msgpackProtocol).listen(door, {
    ...{ host: "127.0.0.1", port: 0, loginTimeoutMs: 20_000 },
  });
  const login = { port: listening.port, name: "w1", password: "pass" };
  const worker =
    program === "slipway-worker"
      ? await startSlipwayWorker({ ...login, protocol })
      : await startBuildbotWorker({
          ...{ ...login, host: "127.0.0.1" },
          args: protocol === "msgpack" ? [MSGPACK] : [],
        });
  const { facts, session } = await door.nextAttached();

  async function run(
    options: Readonly<Record<string, unknown>>,
    stamp: Partial<SourceStamp> | null = null,
    stop: AbortSignal = new AbortController().signal,
  ) {
    let log = "";
    const logs = {
      output: (_: string, bytes: Uint8Array) => {
        log += Buffer.from(bytes).toString();
      },
      file: () => {},
    };
    const values = new BuildValues({
      properties: {},
      sourceStamps: stamp === null ? [] : [{ ...noStamp, patch: null, ...stamp }],
      worker: { ...facts, commands: facts.workerCommands },
      builddir: `${facts.basedir}/b1`,
      workerInfo: {},
      urlForBuild: "",
      env: {},
      secrets: new Map(Object.entries(secrets)),
    });
    const written = { type: "Git", repourl, ...options };
    const rendered = values.render(written);
    const step = steps.make(rendered, values.renderShown(written, rendered));
    const context = stepContext({
      session,
      builderName: "b1",
      values,
      logs: logs as never,
      stop,
      ends: [],
      keeping: () => undefined,
      onLost: async () => {},
    });
    const outcome = await step.run(context);
    return { ...outcome, log, properties: values.properties };
  }

  return {
    run,
    dir: worker.dir,
    /** A path below the builder's directory. */
    at: (...names: string[]) => join(worker.dir, "b1", ...names),
    async close() {
      await worker.stop();
      await listening.close();
    },
  };
}

export type GitStepRig = Awaited<ReturnType<typeof openGitStepRig>>;
