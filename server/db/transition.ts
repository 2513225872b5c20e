/**
 * The one writer of a `state` column.
 *
 * A `Batch` collects what must happen together: rows created, rows moved from one state to the
 * next, their history, the events that tell others. `commit` sends all of it as ONE statement, so
 * that neighbouring changes cost one round trip and one commit. If any row is no longer in the
 * state it was thought to be in, or the build's owner or epoch has moved on, nothing at all is
 * changed and `StaleState` is thrown: read again, then decide again.
 *
 * History (`transition`) is what the timelines on the screen show. Events (`outbox`) are what
 * screens and reporters hear.
 */
import { createHash } from "node:crypto";
import { type Machines, mayGo } from "../domain/builds/state";
import type { BuildId, LogId, OrgId, ProcessId, StepId } from "../domain/ids";
import type { JsonValue } from "../domain/properties";
import type { Queryable, Statement } from "./pool";

export class StaleState extends Error {
  override readonly name = "StaleState";
}

/** Who may write for a build; every write made for it carries this. */
export interface Fence {
  readonly buildId: BuildId;
  readonly ownerId: ProcessId;
  readonly ownerEpoch: number;
}

/** A piece of SQL in the place of a value; parameters come from `batch.value`. */
export class Expression {
  constructor(readonly sql: string) {}
}

type Columns = Readonly<Record<string, unknown>>;

interface Why {
  /** For a person: "claimed for worker linux-1". */
  readonly reason: string;
  /** Who did it: a person, a token, a process. */
  readonly actor: string;
}

export interface Move<K extends keyof Machines> extends Why {
  readonly from: Machines[K];
  readonly to: Machines[K];
  readonly set?: Columns;
  /** Further conditions in SQL, on the row itself. */
  readonly where?: string;
}

/** The event that tells of a change: `{id}` in it is the row's, the body's values are SQL on the row. */
interface Told {
  readonly event?: string;
  readonly body?: Readonly<Record<string, string>>;
}

/** A log when its step ends: what its row says from then on. */
export interface FinalLog {
  readonly identity: {
    readonly logId: LogId;
    readonly buildId: BuildId;
    readonly stepId: StepId;
    readonly name: string;
    readonly slug: string;
    readonly type: "s" | "t" | "h";
    readonly logCreatedAt: Date;
  };
  readonly counts: {
    readonly lineCount: number;
    readonly byteCount: number;
    readonly cutLines: number;
    readonly cutAtLine: number | null;
  };
}

const SQL_STALE = "SW001";
/** Unique indexes that say "somebody was quicker". */
const STALE_INDEXES = new Set([
  "build_one_per_request",
  "build_one_per_pair",
  "build_one_per_slot",
  "latent_worker_worker_id_key",
  // A place of the organisation's limit on machines.
  "instance_one_per_place",
  // A place of a lock.
  "lock_owner_pkey",
  // The steps of a build are written once, when it begins.
  "step_build_id_number_key",
  "step_build_id_name_key",
]);

export class Batch {
  readonly #orgId: OrgId;
  readonly #values: unknown[] = [];
  readonly #ctes: string[] = [];
  readonly #history: string[] = [];
  readonly #events: string[] = [];
  readonly #counted: string[] = [];
  readonly #returned: string[] = [];
  #fence: Fence | null = null;
  #isFenceHeld = false;
  #wanted = 0;

  constructor(orgId: OrgId) {
    this.#orgId = orgId;
  }

  /** A parameter. `type` is needed where PostgreSQL cannot infer it. */
  value(value: unknown, type?: string): string {
    this.#values.push(value);
    return type ? `$${this.#values.length}::${type}` : `$${this.#values.length}`;
  }

  /** All that follows is written for this build, by its owner, or not at all. */
  fenced(fence: Fence): this {
    this.#fence = fence;
    return this;
  }

  /** An auxiliary statement, to be referred to by name. `rows`: how many it must return. */
  with(name: string, sql: string, rows?: number): this {
    this.#ctes.push(`${name} as (${sql})`);
    if (rows !== undefined) this.#count(name, rows);
    return this;
  }

  /**
   * A row enters its first state. The name may be used in later expressions as
   * `(select id from <name>)`; the id comes back from `commit` under it.
   */
  create<K extends keyof Machines>(
    name: string,
    machine: K,
    to: Machines[K],
    columns: Columns,
    why: Why & Told,
  ): this {
    const all: Columns = { org_id: this.#orgId, state: to, ...columns };
    const into = Object.keys(all).join(", ");
    const from = Object.values(all).map((value) => this.#sql(value));
    this.#ctes.push(
      `${name} as (insert into ${machine} (${into}) values (${from.join(", ")}) returning *)`,
    );
    this.#count(name, 1);
    this.#returned.push(`(select id from ${name}) as ${name}`);
    this.#remember(name, machine, null, to, why);
    if (why.event) this.#tell(name, why.event, why.body ?? {});
    return this;
  }

  /**
   * Rows enter their first state, as many as `select` gives; none is fine. It gives the columns that
   * are named, in their order.
   */
  createAll<K extends keyof Machines>(
    name: string,
    machine: K,
    to: Machines[K],
    rows: { readonly columns: readonly string[]; readonly select: string },
    why: Why & Told,
  ): this {
    const into = ["org_id", "state", ...rows.columns].join(", ");
    const values = [this.value(this.#orgId, "bigint"), this.value(to, "text"), "made.*"];
    this.#ctes.push(
      `${name} as (insert into ${machine} (${into}) select ${values.join(", ")} from (${rows.select}) made returning *)`,
    );
    this.#remember(name, machine, null, to, why);
    if (why.event) this.#tell(name, why.event, why.body ?? {});
    return this;
  }

  /** One row goes from one state to another. */
  move<K extends keyof Machines>(name: string, machine: K, id: number, move: Move<K> & Told): this {
    const conditions = [
      `id = ${this.value(id)}`,
      ...(machine === "build" ? this.#holdFence(id) : []),
    ];
    this.moveAll(name, machine, conditions.join(" and "), move);
    this.#count(name, 1);
    return this;
  }

  /**
   * As many rows of a machine as are in `from` and meet `where`; none is fine. The name may be
   * used in later expressions.
   */
  moveAll<K extends keyof Machines>(
    name: string,
    machine: K,
    where: string,
    move: Move<K> & Told,
  ): this {
    if (!mayGo(machine, move.from, move.to)) {
      throw new Error(`a ${machine} cannot go from ${move.from} to ${move.to}`);
    }
    const set = [
      `state = ${this.value(move.to)}`,
      ...Object.entries(move.set ?? {}).map(([key, value]) => `${key} = ${this.#sql(value)}`),
    ];
    const conditions = [
      where,
      ...(move.where ? [move.where] : []),
      `state = ${this.value(move.from)}`,
      `org_id = ${this.value(this.#orgId)}`,
    ];
    this.#ctes.push(
      `${name} as (update ${machine} set ${set.join(", ")} where ${conditions.join(" and ")} returning *)`,
    );
    this.#remember(name, machine, move.from, move.to, move);
    if (move.event) this.#tell(name, move.event, move.body ?? {});
    return this;
  }

  /** An event for each row of a named statement that meets `where`. */
  tell(
    name: string,
    topic: string,
    body: Readonly<Record<string, string>> = {},
    where: string | null = null,
  ): this {
    this.#tell(name, topic, body, where);
    return this;
  }

  /**
   * A log is complete: its counts and its state. The row may exist already (it was written to
   * while the step ran) or begin here.
   */
  closeLog(name: string, log: FinalLog, why: Why): this {
    const { identity, counts } = log;
    const id = this.value(identity.logId, "bigint");
    const org = this.value(this.#orgId, "bigint");
    const createdAt = this.value(identity.logCreatedAt, "timestamptz");
    const values = [
      id,
      org,
      this.value(identity.buildId, "bigint"),
      this.value(identity.stepId, "bigint"),
      this.value(identity.name),
      this.value(identity.slug),
      this.value(identity.type),
      "'finished'",
      this.value(counts.lineCount, "int"),
      this.value(counts.byteCount, "bigint"),
      this.value(counts.cutLines, "int"),
      this.value(counts.cutAtLine, "int"),
      createdAt,
    ];
    this.#ctes.push(
      `${name} as (insert into log (id, org_id, build_id, step_id, name, slug, type, state, line_count, byte_count, cut_lines, cut_at_line, created_at)
        values (${values.join(", ")})
        on conflict (id) do update set state = 'finished', line_count = excluded.line_count, byte_count = excluded.byte_count,
          cut_lines = excluded.cut_lines, cut_at_line = excluded.cut_at_line where log.state = 'open' returning *)`,
    );
    this.#count(name, 1);
    this.#remember(name, "log", "open", "finished", why);
    this.#tell(name, "logs/{id}/finished", {
      buildId: "build_id",
      stepId: "step_id",
      lines: "line_count",
    });
    return this;
  }

  /** An event that hangs on no row of this batch. */
  event(topic: string, body: Readonly<Record<string, JsonValue>>): this {
    this.#events.push(
      `select ${this.value(this.#orgId, "bigint")}, ${this.value(topic, "text")}, ${this.value(JSON.stringify(body), "jsonb")}`,
    );
    return this;
  }

  /** Another column of the one row that `commit` gives back. */
  returning(name: string, sql: string): this {
    this.#returned.push(`(${sql}) as ${name}`);
    return this;
  }

  /**
   * Everything, or nothing and `StaleState`.
   * @returns ids of created rows by name, and what `returning` asked for
   */
  async commit<R = Record<string, number>>(q: Queryable): Promise<R> {
    const text = this.#text();
    try {
      const [row] = await q.rows<R>(asStatement(text), this.#values);
      return row as R;
    } catch (error) {
      throw asStale(error);
    }
  }

  #text(): string {
    const ctes = [...this.#ctes];
    const fence = this.#fence;
    if (fence && !this.#isFenceHeld) {
      // No build row is moved here: hold it, so that a take-over cannot slip in between.
      ctes.unshift(
        `fence as (select id from build where id = ${this.value(fence.buildId)} and owner_id = ${this.value(fence.ownerId)} and owner_epoch = ${this.value(fence.ownerEpoch)} and state <> 'finished' for no key update)`,
      );
      this.#count("fence", 1);
    }
    if (this.#history.length > 0) {
      ctes.push(
        `history as (insert into transition (org_id, kind, subject_id, from_state, to_state, reason, actor) ${this.#history.join(" union all ")})`,
      );
    }
    if (this.#events.length > 0) {
      ctes.push(
        `events as (insert into outbox (org_id, topic, body) ${this.#events.join(" union all ")})`,
      );
    }
    const got = this.#counted.map((name) => `(select count(*) from ${name})`).join(" + ") || "0";
    const returned = [`assert_changed(${this.#wanted}, ${got}) as ok`, ...this.#returned];
    return `with ${ctes.join(",\n")}\nselect ${returned.join(", ")}`;
  }

  #holdFence(id: number): string[] {
    const fence = this.#fence;
    if (!fence || fence.buildId !== id) return [];
    this.#isFenceHeld = true;
    return [
      `owner_id = ${this.value(fence.ownerId)}`,
      `owner_epoch = ${this.value(fence.ownerEpoch)}`,
    ];
  }

  #count(name: string, rows: number): void {
    this.#counted.push(name);
    this.#wanted += rows;
  }

  #remember(name: string, machine: string, from: string | null, to: string, why: Why): void {
    const text = (value: string | null) => this.value(value, "text");
    this.#history.push(
      `select org_id, ${text(machine)}, id, ${text(from)}, ${text(to)}, ${text(why.reason)}, ${text(why.actor)} from ${name}`,
    );
  }

  /** `{id}` in the topic is the row's id; the body's values are SQL on the row. */
  #tell(
    name: string,
    topic: string,
    body: Readonly<Record<string, string>>,
    where: string | null = null,
  ): void {
    const [before, after = ""] = topic.split("{id}");
    const fields = [
      "'id'",
      "id",
      ...Object.entries(body).flatMap(([key, sql]) => [`'${key}'`, sql]),
    ];
    this.#events.push(
      `select org_id, ${this.value(before, "text")} || id || ${this.value(after, "text")}, jsonb_build_object(${fields.join(", ")}) from ${name}${where ? ` where ${where}` : ""}`,
    );
  }

  #sql(value: unknown): string {
    return value instanceof Expression ? value.sql : this.value(value);
  }
}

/**
 * The statements of a program are few, so each is prepared once per connection under its hash. But
 * their texts grow with the steps and logs of a build, which a configuration decides: beyond a
 * bound they are sent without a name, and neither we nor PostgreSQL remember them.
 */
const MAX_NAMES = 500;
const names = new Map<string, string>();
function asStatement(text: string): Statement {
  let name = names.get(text);
  if (!name) {
    if (names.size >= MAX_NAMES) return { text };
    name = createHash("sha256").update(text).digest("base64url").slice(0, 24);
    names.set(text, name);
  }
  return { name, text };
}

function asStale(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { code, constraint } = error as { code?: unknown; constraint?: unknown };
  const isQuicker = code === "23505" && STALE_INDEXES.has(String(constraint));
  return code === SQL_STALE || isQuicker ? new StaleState(error.message, { cause: error }) : error;
}
