/**
 * What is written of a latent worker: one statement for each step, before or after the provider is
 * asked, never while.
 */
import { jsonText } from "../../db/json-text";
import type { Queryable } from "../../db/pool";
import { Batch, Expression } from "../../db/transition";
import { historySql } from "../../db/worker-history";
import type { InstanceId } from "../../domain/ids";
import { type Billing, billedAs, priceOf } from "../../domain/instances";
import { type Failure, type LatentEvent, next, writtenHashSql } from "../../domain/latent";
import type { WorkerEventKind } from "../../domain/workers/history";
import type { DriverError, InstanceHandle } from "../../drivers/contract";
import { account, takePlace } from "../caps";
import { noteFailure } from "../notices/note";
import { begin, type Quarantine } from "../quarantine/conduct";
import { machineGone, machineRuns, moveLatent, stopAgain } from "./changes";
import type { FrozenOptions } from "./frozen-options";
import type { Hold } from "./hold";
import { type Latent, type Machine, WAITS } from "./load";
import { AT_THE_LATEST_SECONDS } from "./visits";

const NOW = new Expression("now()");

export interface Writer {
  readonly db: Queryable;
  readonly actor: string;
  readonly hold: Hold;
}

export interface FailedHow {
  /** False: the worker does not rest. */
  readonly isItsFault?: boolean;
  /** False: its machine was never made, so that there is nothing to be stopped. */
  readonly isThere?: boolean;
}

export class Moves {
  constructor(
    private readonly writer: Writer,
    private readonly latent: Latent,
  ) {}

  /** A machine is to be asked for: from here on its name, its password and its options are known. */
  async start(
    key: string,
    sealedPassword: Buffer,
    billing: Billing,
    { config, hash }: FrozenOptions,
  ): Promise<Machine> {
    const { latent, writer } = this;
    const generation = latent.generation + 1;
    const why = { reason: `machine ${generation} is asked for`, actor: writer.actor };
    const batch = new Batch(latent.orgId);
    takePlace(batch, batch.value(latent.orgId, "bigint"));
    const columns = {
      worker_id: latent.workerId,
      driver: latent.kind,
      key,
      generation,
      reason: "it is asked for",
      config: JSON.stringify(config),
      config_hash: hash,
      written_hash: new Expression(
        writtenHashSql(batch.value(JSON.stringify(latent.config), "jsonb")),
      ),
      billing: billedAs(billing, priceOf(latent.config)),
      price_per_hour: priceOf(latent.config),
      place: new Expression("(select place from room)"),
      pool_id: latent.poolId,
    };
    batch.create("machine", "instance", "requested", columns, {
      ...why,
      event: "instances/{id}/new",
    });
    this.#move(
      "started",
      why.reason,
      {
        generation,
        instance_id: new Expression("(select id from machine)"),
        start_answered_at: null,
        checked_at: null,
        needs_other: false,
        is_open: false,
      },
      batch,
      // Whoever writes this asks the provider at once.
      AT_THE_LATEST_SECONDS,
    );
    batch.with(
      "password",
      `update worker set sealed_password = ${batch.value(sealedPassword, "bytea")} where id = (select worker_id from latent) and password_secret is null`,
    );
    batch.with(
      "waiting",
      `update build x set instance_id = (select id from machine) where x.worker_id = ${batch.value(latent.workerId, "bigint")} and ${WAITS}`,
    );
    this.#remember(batch, "machine-wanted", key);
    const { machine } = await batch.commit<{ machine: InstanceId }>(this.writer.db);
    const { kind } = latent;
    const { reason } = columns;
    const asked = { state: "requested", reason, isUnasked: false, handle: null } as const;
    return { id: machine, key, kind, generation, config, ...asked };
  }

  /** The provider's answer; its worker may have logged in before. */
  async answered(machine: Machine, handle: InstanceHandle): Promise<void> {
    const { ref, tag, madeAt } = handle;
    const batch = this.#same("start_answered_at = now(), checked_at = now()");
    batch.with(
      "known",
      `update instance set answered_at = now(), handle = ${batch.value(jsonText({ ref, tag, madeAt }), "jsonb")} where id = ${batch.value(machine.id, "bigint")}`,
    );
    await batch.commit(this.writer.db);
    if (machine.state !== "requested") return;
    const making = new Batch(this.latent.orgId);
    making.moveAll("machine", "instance", `id = ${making.value(machine.id, "bigint")}`, {
      ...{ from: "requested", to: "starting", actor: this.writer.actor },
      reason: "the provider makes it",
      event: "instances/{id}/update",
    });
    await making.commit(this.writer.db);
  }

  /**
   * A call for it waits for its turn at the provider.
   * @param isUnasked nobody asked the provider for it before
   */
  async standsInLine(machine: Machine, reason: string, isUnasked: boolean): Promise<void> {
    if (machine.reason === reason && machine.isUnasked === isUnasked) return;
    const batch = this.#same("checked_at = checked_at");
    batch.with(
      "waits",
      `update instance set is_unasked = ${batch.value(isUnasked)}, reason = ${batch.value(reason, "text")}
       where id = ${batch.value(machine.id, "bigint")} and state in ('requested', 'starting', 'stopping') returning org_id, id`,
    );
    batch.tell("waits", "instances/{id}/update", {});
    await batch.commit(this.writer.db);
  }

  /** From here on the provider may have heard of it. */
  async turnCame(machine: Machine): Promise<void> {
    const batch = this.#same("checked_at = checked_at");
    batch.with(
      "asked",
      `update instance set is_unasked = false, reason = 'it is asked for'
       where id = ${batch.value(machine.id, "bigint")} returning org_id, id`,
    );
    batch.tell("asked", "instances/{id}/update", {});
    await batch.commit(this.writer.db);
  }

  async checked(): Promise<void> {
    await this.#same("checked_at = now()").commit(this.writer.db);
  }

  /** T10: those who wait are told next, its machine is stopped after that, the worker rests. */
  async fail(
    failure: Failure,
    { isItsFault = true, isThere = true }: FailedHow = {},
  ): Promise<Quarantine | null> {
    const { state } = this.latent.facts;
    const { reason } = failure;
    if (next(state, "failed") === null) {
      const failed = new Batch(this.latent.orgId);
      this.#same(`failure = ${failed.value(jsonText(failure), "jsonb")}`, failed);
      await failed.commit(this.writer.db);
      return null;
    }
    const set = { failure: jsonText(failure), missing_at: null };
    const batch = this.#move("failed", reason, set);
    if (isThere) this.#stopMachine(batch, reason, failure);
    else this.#neverMade(batch, reason, failure);
    this.#remember(batch, "machine-failed", reason);
    if (!isItsFault) {
      await batch.commit(this.writer.db);
      return null;
    }
    noteFailure(batch, "latent", reason);
    batch.with("culprit", "select org_id, worker_id from latent");
    begin(batch, "culprit", batch.value(reason, "text"), this.writer.actor);
    return (await batch.commit<{ quarantine: Quarantine | null }>(this.writer.db)).quarantine;
  }

  async told(): Promise<void> {
    await this.#same("failure = null").commit(this.writer.db);
  }

  /** T11, T12, T2d: nobody may enter any more; refused when somebody came to want it meanwhile. */
  async letGo(event: "unwanted" | "wanted-anew", reason: string): Promise<void> {
    const batch = this.#move(event, reason, {
      missing_at: event === "unwanted" ? null : this.#missingAt(),
    });
    this.#stopMachine(batch, reason);
    this.#remember(batch, "machine-stopped", reason);
    await batch.commit(this.writer.db);
  }

  /** No new builds; its machine goes when those it has are over. */
  async drain(reason: string): Promise<void> {
    const batch = this.#same("checked_at = checked_at");
    batch.with(
      "drained",
      `update worker set is_draining = true where id = ${batch.value(this.latent.workerId)}`,
    );
    this.#remember(batch, "draining", reason);
    await batch.commit(this.writer.db);
  }

  /** Unless somebody came to want another machine meanwhile. */
  async keep(): Promise<void> {
    const batch = new Batch(this.latent.orgId);
    const same = `id = ${batch.value(this.latent.id)} and ${this.#held(batch)}`;
    batch.with(
      "latent",
      `update latent_worker set needs_other = false where ${same} returning *`,
      1,
    );
    await batch.commit(this.writer.db);
  }

  /** T6, when whoever saw the login could not say so. */
  async attached(): Promise<void> {
    const batch = this.#move("attached", "its machine has logged in", { missing_at: null });
    machineRuns(batch, this.writer.actor);
    await batch.commit(this.writer.db);
  }

  /** Those that change nothing but the state. */
  async go(event: LatentEvent, reason: string): Promise<void> {
    const isWish = event === "wanted";
    const set = {
      ...(event === "stopped" ? { instance_id: null } : {}),
      ...(isWish ? { missing_at: this.#missingAt() } : {}),
    };
    const batch = this.#move(event, reason, set);
    // Who asked it to go after its builds meant this machine, not the next.
    if (event === "stopped") {
      batch.with(
        "drained",
        `update worker set is_draining = false where is_draining and id = ${batch.value(this.latent.workerId)}`,
      );
    }
    await batch.commit(this.writer.db);
  }

  /** The provider was told, and says it is gone. */
  async gone(machine: Machine): Promise<void> {
    const batch = this.#same("checked_at = now()");
    machineGone(batch, machine.id, this.writer.actor);
    await batch.commit(this.writer.db);
  }

  /** It could not be stopped: its worker goes on without it, and it is tried again until it is gone. */
  async refusesToGo(machine: Machine, error: DriverError): Promise<void> {
    const batch = this.#same("instance_id = null");
    stopAgain(batch, machine.id, error);
    await batch.commit(this.writer.db);
  }

  #missingAt(): Expression | null {
    const seconds = this.latent.facts.options.missingTimeout;
    return seconds === 0 ? null : new Expression(`now() + interval '${Number(seconds)} seconds'`);
  }

  /** And nobody came to want it since it was looked at. */
  #held(batch: Batch): string {
    const { epoch } = this.writer.hold;
    return `owner_epoch = ${batch.value(epoch)} and claims = ${batch.value(this.latent.claims)}`;
  }

  #move(
    event: LatentEvent,
    reason: string,
    set: Record<string, unknown>,
    batch = new Batch(this.latent.orgId),
    visitSeconds = 0,
  ): Batch {
    const { latent } = this;
    const { state } = latent.facts;
    const to = next(state, event);
    if (to === null) throw new Error(`a latent worker that is ${state} cannot be ${event}`);
    moveLatent(batch, latent, to, {
      reason,
      actor: this.writer.actor,
      set,
      where: this.#held(batch),
      visitSeconds,
    });
    return batch;
  }

  /** Something of it changes, and its state does not. Whoever wanted it meanwhile does not matter. */
  #same(set: string, batch = new Batch(this.latent.orgId)): Batch {
    const { epoch } = this.writer.hold;
    batch.with(
      "latent",
      `update latent_worker set ${set} where id = ${batch.value(this.latent.id)} and owner_epoch = ${batch.value(epoch)} returning *`,
      1,
    );
    return batch;
  }

  /** @param failure its start came to nothing */
  #stopMachine(batch: Batch, reason: string, failure: Failure | null = null): void {
    const { machine } = this.latent;
    if (!machine) return;
    if (machine.isUnasked) {
      this.#neverMade(batch, reason, failure);
      return;
    }
    for (const from of ["requested", "starting", "running", "broken"] as const) {
      batch.moveAll(`machine_${from}`, "instance", `id = ${batch.value(machine.id, "bigint")}`, {
        ...{ from, to: "stopping", reason, actor: this.writer.actor },
        set: {
          ...{ reason, end_reason: reason, stopping_at: NOW },
          ...{ is_failed: failure !== null, failure_code: failure?.code ?? null },
          end_advice: failure?.advice ?? null,
        },
        event: "instances/{id}/update",
      });
    }
  }

  /** The provider never heard of it. */
  #neverMade(batch: Batch, reason: string, failure: Failure | null): void {
    const id = batch.value(this.latent.machine?.id, "bigint");
    batch.moveAll("machine", "instance", `id = ${id}`, {
      ...{ from: "requested", to: "gone", reason, actor: this.writer.actor },
      set: {
        ...{ reason, end_reason: reason, stopping_at: NOW, gone_at: NOW },
        ...{ is_failed: failure !== null, failure_code: failure?.code ?? null },
        ...{ end_advice: failure?.advice ?? null, is_unasked: false },
      },
      event: "instances/{id}/gone",
    });
    account(batch, "machine");
  }

  #remember(batch: Batch, kind: WorkerEventKind, reason: string): void {
    const { actor } = this.writer;
    const line = { kind, from: "latent", reason: batch.value(reason, "text") };
    batch.with("line", historySql({ ...line, actor: batch.value(actor, "text") }));
  }
}
