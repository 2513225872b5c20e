/**
 * One step of a latent worker's life, as `nextStep` has it. Around each call of a provider the order is the
 * same: what is to be done is written, a turn is taken, the provider is asked, its answer is written. A
 * process may die between any two of these: whoever looks next comes to the same step, and its call is
 * one that may be repeated.
 *
 * What is written is refused (`StaleState`) when somebody wanted the worker, or its machine logged in, or
 * another process took it over since it was looked at; then nothing of the step counts but the next look.
 */
import { StaleState } from "../../db/transition";
import {
  adviceFor,
  type Failure,
  type LatentStep,
  nextStep,
  startSeconds,
  verdictOf,
} from "../../domain/latent";
import { RenderError } from "../../domain/properties";
import { beforeAnyMachine, DriverError, type LatentDriver } from "../../drivers/contract";
import { loadRoom } from "../caps";
import { quarantineAlarm } from "../deadlines";
import { Unneeded, within } from "./call";
import type { LatentContext, LatentFleet } from "./context";
import { type FrozenOptions, freezeOptions } from "./frozen-options";
import type { Hold } from "./hold";
import { TurnsOf } from "./in-line";
import { handleOf, type Latent, loadLatent, type Machine } from "./load";
import { type FailedHow, Moves } from "./moves";
import { openDriver } from "./open-driver";
import { instanceKey, masterAddress, newPassword, startOrder } from "./order";
import type { Starts } from "./starts";
import { closeDoors } from "./visits";

/** Nobody waits longer for a word of the provider. */
const INSPECT_SECONDS = 30;
const STOP_SECONDS = 120;

export class Seeing {
  readonly #moves: Moves;
  readonly #turns: TurnsOf;

  constructor(
    private readonly context: LatentContext,
    private readonly fleet: LatentFleet,
    private readonly starts: Starts,
    private readonly held: Hold,
    private readonly latent: Latent,
  ) {
    this.#moves = new Moves({ db: context.db, actor: context.actor, hold: held }, latent);
    this.#turns = new TurnsOf(context, fleet, latent, this.#moves);
  }

  async take(step: Exclude<LatentStep, { do: "wait" }>): Promise<void> {
    const { context, latent } = this;
    switch (step.do) {
      case "start":
        return latent.facts.state === "starting" ? this.#start() : this.#order();
      case "inspect":
        return this.#inspect();
      case "stop":
        return this.#stop();
      case "attached":
        return this.#moves.attached();
      case "release":
        return context.release(latent.workerId);
      case "fail":
        return this.#failed(await this.#withLastWords(step), { isItsFault: step.isItsFault });
      case "tell":
        if (latent.facts.failure) await context.fail(latent.workerId, latent.facts.failure);
        return this.#moves.told();
      case "let-go":
        return this.#moves.letGo("unwanted", step.reason);
      case "renew":
        return this.#moves.letGo("wanted-anew", step.reason);
      case "keep":
        return this.#moves.keep();
      case "drain":
        return this.#moves.drain(step.reason);
      case "end-builds":
        return context.endBuilds(latent.workerId, step.reason);
      case "want":
        return this.#moves.go("wanted", step.reason);
      case "forget":
        return this.#moves.go("unwanted", step.reason);
      case "stopped":
        await this.#moves.go("stopped", step.reason);
        return context.wake(latent.orgId);
      case "end":
        return this.#moves.go("ended", step.reason);
      case "revive":
        return this.#moves.go("revived", step.reason);
    }
  }

  /** Written, so that whoever comes next starts this machine and no other; then its provider is asked. */
  async #order(): Promise<void> {
    const { context, fleet, latent, held, starts } = this;
    const { db, installation, seal, kinds } = context;
    const options = await this.#options();
    if (options === null) return;
    const generation = latent.generation + 1;
    const key = instanceKey({ ...latent, installation }, generation);
    const billing = kinds.get(latent.kind)?.billing ?? "second";
    const password = seal(newPassword());
    let machine: Machine;
    try {
      machine = await this.#moves.start(key, password, billing, options);
    } catch (error) {
      // There may have been no place for it.
      const { reached } = await loadRoom(db, latent.orgId);
      if (error instanceof StaleState && reached) return this.#refuse(reached.sentence);
      throw error;
    }
    this.#note(`machine ${key} is asked for`);
    context.announce();
    const facts = { ...latent.facts, state: "starting", instance: machine.state } as const;
    const sealedPassword = latent.hasOnePassword ? latent.sealedPassword : password;
    const now: Latent = { ...latent, generation, machine, sealedPassword, facts };
    await new Seeing(context, fleet, starts, held, now).#start(true);
  }

  /** As the first of the builds that wait has them. */
  async #options(): Promise<FrozenOptions | null> {
    const { context, latent } = this;
    try {
      const scope = latent.isTemplated
        ? await context.scopeOf(latent.workerId)
        : { properties: {} };
      return freezeOptions(latent.config, scope);
    } catch (error) {
      if (!(error instanceof RenderError)) throw error;
      const reason = `its options cannot be rendered for the build: ${error.message}`;
      const advice = adviceFor("bad-configuration", error.message);
      await this.#fail({ verdict: "permanent", reason, advice });
      return null;
    }
  }

  /** @param isOrdered it was written just now, here */
  async #start(isOrdered = false): Promise<void> {
    const { context, latent } = this;
    const { machine, sealedPassword } = latent;
    if (!machine) throw new Error("a machine that starts has no row");
    const password = this.#opened(sealedPassword);
    if (password === null) {
      const reason = sealedPassword
        ? "its password cannot be read: it was stored under another secret key"
        : "its password is a secret that does not exist";
      return this.#fail({ verdict: "permanent", reason });
    }
    // Whoever wrote it long ago may have asked for it, and not heard the answer.
    const isFirst = isOrdered || machine.isUnasked;
    const turn = await this.#turns.take("start", machine, { isUnasked: isFirst });
    const { missingAt } = latent.facts;
    const seconds = startSeconds(latent.facts, context.kinds.get(latent.kind)?.startSeconds);
    const { tag } = handleOf(context.installation, latent, machine);
    const login = { name: latent.loginName, password };
    try {
      if (machine.isUnasked) await this.#moves.turnCame(machine);
      const master = masterAddress(context.master, machine.config);
      const order = startOrder({ key: machine.key, tag }, master, login);
      const hide = (line: string) => line.replaceAll(login.password, "<password>");
      const handle = await this.#untilUnneeded(async (unneeded) => {
        const driver = await beforeAnyMachine(() => this.#driver(machine, hide));
        return within(seconds, "start", (signal) => driver.start(order, signal), unneeded);
      });
      turn.end(true);
      await this.#moves.answered(machine, handle);
      this.#note(`the provider makes it; its worker is to log in at ${master.host}:${master.port}`);
    } catch (error) {
      // The next look sees why, and stops what may have been made.
      if (error instanceof Unneeded) return;
      const isThere = !(isFirst && error instanceof DriverError && error.nothingMade);
      if (this.#turns.pause("start", machine, error, missingAt)) {
        const said = `${(error as Error).message}; `;
        (await this.#turns.take("start", machine, { isUnasked: !isThere, said })).end();
      }
      await this.#fail(failureOf(error), { isThere });
    } finally {
      turn.end();
    }
  }

  /** Null: there is none, or none that can be read. */
  #opened(sealedPassword: Buffer | null): string | null {
    try {
      return sealedPassword && this.context.unseal(sealedPassword);
    } catch (error) {
      this.context.log("a password cannot be read", { worker: this.latent.workerName, error });
      return null;
    }
  }

  /** The signal fires when nobody waits for the machine any more, or it is not to be made. */
  async #untilUnneeded<T>(work: (unneeded: AbortSignal) => Promise<T>): Promise<T> {
    const { context, starts, latent } = this;
    const { workerId, epoch } = latent;
    const leaving = new AbortController();
    const consider = async () => {
      try {
        const now = await loadLatent(context.db, workerId);
        const step = now && nextStep(now.facts).do;
        if (now?.epoch !== epoch || step === "let-go" || step === "fail") leaving.abort();
      } catch (error) {
        context.log("not known whether a machine is needed", { worker: workerId, error });
      }
    };
    return starts.during(workerId, consider, () => work(leaving.signal));
  }

  async #inspect(): Promise<void> {
    const machine = this.latent.machine;
    if (!machine) throw new Error("a machine that starts has no row");
    const turn = await this.#turns.take("inspect", machine);
    this.fleet.ends.forget(this.latent.workerId);
    try {
      const driver = await this.#driver(machine);
      const handle = handleOf(this.context.installation, this.latent, machine);
      const report = await within(INSPECT_SECONDS, "look at", (signal) =>
        driver.inspect(handle, signal),
      );
      if (report.state === "gone" || report.state === "broken") return this.#died(report.why);
    } catch (error) {
      if (!(error instanceof DriverError)) throw error;
      // Its deadline stands; a provider that is away for a moment says nothing of the machine.
      this.#turns.pause("inspect", machine, error);
      this.context.log("a machine could not be looked at", { key: machine.key, error });
    } finally {
      turn.end();
    }
    await this.#moves.checked();
  }

  /** A machine that is there and never logged in: what it printed may say why. */
  async #withLastWords({ failure, isItsFault }: LatentStep & { do: "fail" }): Promise<Failure> {
    const { context, latent } = this;
    const { machine, facts } = latent;
    if (!machine || machine.isUnasked || followsStartup(machine)) return failure;
    if (isItsFault === false || facts.state !== "starting") return failure;
    try {
      const driver = await this.#driver(machine);
      const handle = handleOf(context.installation, latent, machine);
      const printed = await within(INSPECT_SECONDS, "what it printed", async (signal) =>
        driver.printed?.(handle, signal),
      );
      return printed ? { ...failure, printed } : failure;
    } catch (error) {
      if (!(error instanceof DriverError)) throw error;
      return failure;
    }
  }

  /** T8, or K-035: nobody waits for it any longer. */
  async #died(why: string): Promise<void> {
    const { context, latent } = this;
    if (latent.facts.state === "starting") {
      const reason = `its machine crashed before it logged in: ${why}`;
      return this.#fail({ verdict: "transient", reason, advice: adviceFor(null, why) });
    }
    const reason = `its machine is gone: ${why}`;
    await context.giveUpLost(latent.workerId, reason);
    await this.#moves.letGo("unwanted", reason);
  }

  async #stop(): Promise<void> {
    const { context, latent } = this;
    const { machine } = latent;
    if (!machine) return;
    for (const owner of await closeDoors(context.db, latent.workerId, machine.kind))
      context.tell(owner);
    const turn = await this.#turns.take("stop", machine);
    try {
      const driver = await this.#driver(machine);
      const handle = handleOf(context.installation, latent, machine);
      await within(STOP_SECONDS, "stop", (signal) => driver.stop(handle, "now", signal));
    } catch (error) {
      if (!(error instanceof DriverError)) throw error;
      context.log("a machine could not be stopped", { key: machine.key, error });
      this.#turns.pause("stop", machine, error);
      return this.#moves.refusesToGo(machine, error);
    } finally {
      turn.end();
    }
    await this.#moves.gone(machine);
  }

  /**
   * A limit of the organisation: its builds wait in line again, and the worker is as good as before. One
   * that only its pool wants rests, so that it is not wanted again at once.
   */
  async #refuse(why: string): Promise<void> {
    const reason = `no machine may be asked for: ${why}`;
    const isItsFault = this.latent.facts.waiting === 0;
    await this.#fail({ verdict: "transient", reason, isUntried: true }, { isItsFault });
  }

  /** Its time is over, which is no fault of a machine whose turn has not come. */
  async #failed(failure: Failure, how: FailedHow): Promise<void> {
    const { machine } = this.latent;
    if (!machine?.isUnasked) return this.#fail(failure, how);
    const reason = `its machine was not asked for in time: ${machine.reason}`;
    const untried: Failure = { verdict: "transient", reason, isUntried: true };
    await this.#fail(untried, { isItsFault: false, isThere: false });
  }

  async #fail(failure: Failure, how: FailedHow = {}): Promise<void> {
    const quarantine = await this.#moves.fail(failure, how);
    this.context.log("no machine", { worker: this.latent.workerName, ...failure });
    if (quarantine) this.context.alarm(...quarantineAlarm(quarantine));
  }

  #note(line: string): void {
    this.context.note(this.latent.workerId, "h", line);
  }

  #driver(
    machine: Machine,
    hide: (line: string) => string = (line) => line,
  ): Promise<LatentDriver> {
    const { context, fleet, latent } = this;
    const { orgId, workerId } = latent;
    const isFollowed = followsStartup(machine);
    const note = (line: string, of?: "machine") => {
      if (of !== "machine" || isFollowed) context.note(workerId, "o", hide(line));
    };
    const ended = () => {
      fleet.ends.said(workerId, machine.id);
      void fleet.see(workerId);
    };
    return openDriver(context, { ...machine, orgId }, { note, ended });
  }
}

const followsStartup = ({ config }: Machine): boolean =>
  (config as { followStartupLogs?: unknown }).followStartupLogs === true;

function failureOf(error: unknown): Failure {
  if (!(error instanceof DriverError)) throw error;
  return {
    verdict: verdictOf(error.code),
    code: error.code,
    reason: `its machine could not be started: ${error.message}`,
    advice: adviceFor(error.code, error.message),
  };
}
