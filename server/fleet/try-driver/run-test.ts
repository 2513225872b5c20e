/**
 * One test of a driver's settings, by whichever process owns it. The machine's row and its name are
 * written before the provider is asked; whatever happens then, the machine is stopped: by us, or,
 * when we die or the provider refuses, by the sweep, which does not give up.
 */
import type { Queryable } from "../../db/pool";
import type { InstanceId, OrgId } from "../../domain/ids";
import {
  adviceFor,
  plannedStages,
  type StageReport,
  type StageState,
  type TestOutcome,
  type TestStage,
} from "../../domain/latent";
import { DriverError, type InstanceHandle, type LatentDriver } from "../../drivers/contract";
import { loadRoom } from "../caps";
import { within } from "../latent/call";
import { type DriverAccess, openDriver } from "../latent/open-driver";
import {
  instanceKey,
  type MasterDoors,
  masterAddress,
  newPassword,
  startOrder,
} from "../latent/order";
import { NO_WORKER, noteGone, noteMade, noteRuns, noteStopping, orderMachine } from "./machine";
import { endTest, type TestRow, writeStages } from "./store";

export interface DriverTestContext extends DriverAccess {
  readonly db: Queryable;
  readonly actor: string;
  readonly installation: string;
  readonly master: MasterDoors;
  readonly seal: (clear: string) => Buffer;
  readonly announce: () => void;
  readonly log: (message: string, fields: Record<string, unknown>) => void;
  readonly now: () => number;
}

/** What the rest of the world does to a test while it runs. */
export interface Ears {
  /** Fires when a person cancels it, with who it was as the reason. */
  readonly cancelled: AbortSignal;
  /** What the worker on the machine said of itself when it logged in. */
  readonly login: Promise<string>;
}

const PROBE_SECONDS = 30;
const START_SECONDS = 600;
/** Whatever `missing_timeout` says: a person is looking at it. */
const LONGEST_LOGIN_SECONDS = 900;
const LOOK_SECONDS = 5;
const STOP_SECONDS = 120;
const SAID_MS = 1_000;
const LONGEST_SAID = 300;
const MOST_PRINTED = 4_000;

/** A stage that failed: in the provider's words or ours, and what to do. */
class StageFailed extends Error {
  constructor(
    message: string,
    readonly advice: string,
  ) {
    super(message);
  }
}

export async function runTest(
  context: DriverTestContext,
  test: TestRow,
  ears: Ears,
): Promise<void> {
  await new Running(context, test, ears).run();
}

class Running {
  #stages: StageReport[] = [];
  #machine: { id: InstanceId; orgId: OrgId; key: string } | null = null;
  #handle: InstanceHandle | null = null;
  /** Its worker has logged in. */
  #isIn = false;
  /** The last that the provider said while it makes the machine, not shown yet. */
  #said: string | null = null;
  /** The provider says by itself that the machine has ended, and was not asked since. */
  #isSaidToEnd = false;
  #wake: () => void = () => {};
  #writing: Promise<void> = Promise.resolve();

  constructor(
    private readonly context: DriverTestContext,
    private readonly test: TestRow,
    private readonly ears: Ears,
  ) {}

  async run(): Promise<void> {
    const driver = await this.#open();
    const isGood = driver !== null && (await this.#make(driver));
    const isStopped = driver === null || (await this.#stop(driver));
    await this.#end(isGood && isStopped);
  }

  async #open(): Promise<LatentDriver | null> {
    const { context, test } = this;
    try {
      const driver = await openDriver(context, test, {
        note: (line, of) => {
          if (of !== "machine") this.#heard(line);
        },
        ended: () => {
          this.#isSaidToEnd = true;
          this.#wake();
        },
      });
      this.#stages = plannedStages(driver.probes?.map(({ covers }) => covers) ?? null);
      return driver;
    } catch (error) {
      // It does not come to a provider: the options themselves are wrong.
      this.#stages = plannedStages(null);
      const [first] = this.#stages;
      if (first) await this.#stage(first.covers[0] as TestStage, () => Promise.reject(error));
      return null;
    }
  }

  /** @returns whether its worker logged in */
  async #make(driver: LatentDriver): Promise<boolean> {
    const { context, test } = this;
    const probes = driver.probes ?? [];
    for (const { covers, look } of probes) {
      const isThere = await this.#stage(covers[0] as TestStage, (signal) =>
        within(PROBE_SECONDS, covers.join(" and "), (patience) =>
          look(AbortSignal.any([patience, signal])),
        ),
      );
      if (!isThere) return false;
    }
    if (driver.probes === undefined) {
      const isThere = await this.#stage("reach", async (signal) => {
        const owner = { installation: context.installation };
        const machines = await within(PROBE_SECONDS, "list", (patience) =>
          driver.list(owner, AbortSignal.any([patience, signal])),
        );
        return `It answered and let us in: ${machines.length} of our machines are there.`;
      });
      if (!isThere) return false;
    }
    if (!(await this.#stage("start", (signal) => this.#start(driver, signal)))) return false;
    const seconds = loginSeconds(test.config);
    return this.#stage("login", (signal) => this.#login(driver, seconds, signal));
  }

  async #start(driver: LatentDriver, signal: AbortSignal): Promise<string> {
    const { context, test } = this;
    const { installation, db, actor } = context;
    const named = { workerId: NO_WORKER, workerName: `test-${test.workerName}` };
    const key = instanceKey({ installation, orgSlug: test.orgSlug, ...named }, test.id);
    const password = newPassword();
    const sealedPassword = context.seal(password);
    const master = masterAddress(context.master, test.config);
    const { reached } = await loadRoom(db, test.orgId);
    if (reached) throw new StageFailed(reached.sentence, "Wait, or have the limit raised.");
    const billing = context.kinds.get(test.kind)?.billing ?? "second";
    const ordered = { key, sealedPassword, askedBy: test.askedBy, billing };
    const id = await orderMachine(db, test, ordered, actor);
    this.#machine = { id, orgId: test.orgId, key };
    context.announce();
    const order = startOrder({ key, tag: this.#tag() }, master, { name: test.loginName, password });
    this.#handle = { key, tag: order.tag, ref: null, madeAt: null };
    const handle = await within(START_SECONDS, "start", (patience) =>
      driver.start(order, AbortSignal.any([patience, signal])),
    );
    this.#handle = handle;
    await noteMade(db, this.#machine, handle, actor);
    context.announce();
    return `The machine ${key} is being made.`;
  }

  /** A pull may take minutes: what it is at is shown while it is, seldom. */
  #heard(line: string): void {
    const isShown = this.#said !== null;
    this.#said = line.slice(0, LONGEST_SAID);
    if (isShown) return;
    const timer = setTimeout(() => {
      const says = this.#said;
      this.#said = null;
      const stage = this.#stages.find(({ covers }) => covers.includes("start"));
      if (stage?.state !== "running") return;
      this.#write("start", { says }).catch((error: unknown) => {
        this.context.log("a line of a test is not shown", { test: this.test.id, error });
      });
    }, SAID_MS);
    timer.unref();
  }

  #tag() {
    const { orgId: organization, id: generation } = this.test;
    const { installation } = this.context;
    return { installation, organization, worker: NO_WORKER, generation };
  }

  async #login(driver: LatentDriver, seconds: number, signal: AbortSignal): Promise<string> {
    const { context, ears } = this;
    const giveUpAt = context.now() + seconds * 1_000;
    let why = "";
    for (;;) {
      const left = giveUpAt - context.now();
      if (left <= 0) {
        const words = noLogin(seconds, why, await this.#lastWords(driver, signal));
        throw new StageFailed(words, this.#loginAdvice());
      }
      const look = Math.min(left, LOOK_SECONDS * 1_000);
      const said = await soonOr(Promise.race([ears.login, this.#saidToEnd()]), look, signal);
      if (said !== null) {
        this.#isIn = true;
        if (this.#machine) await noteRuns(context.db, this.#machine, context.actor);
        return said === "" ? "It logged in." : `It logged in: ${said}.`;
      }
      const handle = this.#handle;
      if (!handle) throw new Error("a machine that was made has no handle");
      const report = await this.#inspected(driver, handle, signal);
      why = report?.why ?? why;
      if (report?.state === "gone" || report?.state === "broken") {
        throw new StageFailed(
          `The machine ended before its worker logged in: ${why}`,
          "What it said last may stand above. Does its image start a worker by itself?",
        );
      }
    }
  }

  /** Settles once for each time that the provider says so by itself; then it is asked. */
  async #saidToEnd(): Promise<null> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (this.#isSaidToEnd) resolve();
    });
    this.#isSaidToEnd = false;
    return null;
  }

  /** A provider that is away for a moment says nothing of the machine. */
  async #inspected(driver: LatentDriver, handle: InstanceHandle, signal: AbortSignal) {
    try {
      return await within(PROBE_SECONDS, "look at", (patience) =>
        driver.inspect(handle, AbortSignal.any([patience, signal])),
      );
    } catch {
      signal.throwIfAborted();
      return null;
    }
  }

  async #lastWords(driver: LatentDriver, signal: AbortSignal): Promise<string> {
    const handle = this.#handle;
    if (!handle) return "";
    try {
      return await within(
        PROBE_SECONDS,
        "what it printed",
        async (patience) =>
          (await driver.printed?.(handle, AbortSignal.any([patience, signal]))) ?? "",
      );
    } catch {
      signal.throwIfAborted();
      return "";
    }
  }

  #loginAdvice(): string {
    const { host, port } = masterAddress(this.context.master, this.test.config);
    return (
      `Its worker has to reach ${host}, port ${port}, from where the machine is. Try that from a machine beside it; ` +
      "masterFQDN names another address. Does its image start a worker with the name and password that it is given?"
    );
  }

  /** @returns whether nothing of the test is left */
  async #stop(driver: LatentDriver): Promise<boolean> {
    const { context } = this;
    const [machine, handle] = [this.#machine, this.#handle];
    if (!machine || !handle) return true;
    const { db, actor } = context;
    return this.#stage(
      "stop",
      async () => {
        const ending = {
          reason: "its test is over",
          isFailed: !this.#isIn,
          inSeconds: 2 * STOP_SECONDS,
        };
        await noteStopping(db, machine, ending, actor);
        context.announce();
        try {
          await within(STOP_SECONDS, "stop", (patience) => driver.stop(handle, "now", patience));
        } catch (error) {
          const said = error instanceof Error ? error.message : String(error);
          throw new StageFailed(
            said,
            "It stays in the list of instances as stopping, and is tried again until it is gone.",
          );
        }
        await noteGone(db, machine, actor);
        return "It is gone.";
      },
      new AbortController().signal,
    );
  }

  async #end(isGood: boolean): Promise<void> {
    const { context, test, ears } = this;
    const outcome: TestOutcome = ears.cancelled.aborted
      ? "cancelled"
      : isGood
        ? "passed"
        : "failed";
    const stages = this.#stages.map((stage) =>
      stage.state === "pending" ? { ...stage, state: "skipped" as StageState } : stage,
    );
    await endTest(context.db, test.id, outcome, stages);
    context.announce();
  }

  /** Works at the stage that covers this one, and writes how it goes. @returns whether it passed */
  async #stage(
    name: TestStage,
    work: (signal: AbortSignal) => Promise<string>,
    signal = this.ears.cancelled,
  ): Promise<boolean> {
    const { context } = this;
    await this.#write(name, { state: "running", startedAt: context.now() });
    try {
      signal.throwIfAborted();
      const says = await untilAborted(work(signal), signal);
      await this.#write(name, { state: "passed", endedAt: context.now(), says });
      return true;
    } catch (error) {
      const { says, advice } = this.#explained(error, signal);
      await this.#write(name, { state: "failed", endedAt: context.now(), says, advice });
      return false;
    }
  }

  #explained(error: unknown, signal: AbortSignal): Pick<StageReport, "says" | "advice"> {
    if (signal.aborted) return { says: `Cancelled by ${String(signal.reason)}.`, advice: null };
    if (error instanceof StageFailed) return { says: error.message, advice: error.advice };
    if (error instanceof DriverError) {
      return { says: error.message, advice: adviceFor(error.code, error.message) };
    }
    this.context.log("a test of a driver broke", { test: this.test.id, error });
    return { says: "It could not be tried: something broke here.", advice: "Try it again." };
  }

  async #write(name: TestStage, change: Partial<StageReport>): Promise<void> {
    this.#stages = this.#stages.map((stage) =>
      stage.covers.includes(name) ? { ...stage, ...change } : stage,
    );
    // One after the other: what is written last is what is.
    const written = this.#writing.then(() =>
      writeStages(this.context.db, this.test.id, this.#stages),
    );
    this.#writing = written.catch(() => {});
    await written;
    this.context.announce();
  }
}

function loginSeconds(config: Readonly<Record<string, unknown>>): number {
  const wanted = Number(config.missing_timeout);
  return wanted > 0 ? Math.min(wanted, LONGEST_LOGIN_SECONDS) : LONGEST_LOGIN_SECONDS;
}

const noLogin = (seconds: number, why: string, printed: string) =>
  [
    `Its worker did not log in within ${seconds} s.`,
    why === "" ? "" : ` The provider says of the machine: ${why}.`,
    printed === "" ? "" : ` The last that it printed:\n${printed.slice(-MOST_PRINTED)}`,
  ].join("");

async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let abort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
  });
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
    // Whoever gave up does not hear how it went.
    work.catch(() => {});
  }
}

/** What was awaited, or null after a while. */
async function soonOr<T>(awaited: Promise<T>, ms: number, signal: AbortSignal): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), ms);
  });
  try {
    return await untilAborted(Promise.race([awaited, late]), signal);
  } finally {
    clearTimeout(timer);
  }
}
