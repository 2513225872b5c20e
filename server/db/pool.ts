/**
 * The engine's way to PostgreSQL: few, prepared statements, each one round trip, counted.
 *
 * Ids (int8) come out as numbers, timestamps as Date, json as values.
 */
import pg from "pg";

/** Ids and counts stay below 2^53 for as long as anybody will run this. */
const types: pg.CustomTypesConfig = {
  getTypeParser(oid, format) {
    if (oid === pg.types.builtins.INT8 && format !== "binary") return Number;
    return pg.types.getTypeParser(oid, format as "text");
  },
};

/** A statement with a name is prepared once per connection; the name must be unique to its text. */
export interface Statement {
  readonly name?: string;
  readonly text: string;
}

export interface Queryable {
  /** The rows of one statement. One round trip; outside a transaction also one commit. */
  rows<R>(statement: string | Statement, values?: readonly unknown[]): Promise<R[]>;
}

export interface Database extends Queryable {
  /** `opening` is appended to BEGIN and goes with it in one round trip. */
  transaction<T>(work: (tx: Queryable) => Promise<T>, opening?: string): Promise<T>;
  readonly counters: Readonly<Counters>;
  end(): Promise<void>;
}

export interface Counters {
  roundTrips: number;
  commits: number;
}

export interface PoolOptions {
  readonly url: string;
  readonly max: number;
  /** Shown in pg_stat_activity. */
  readonly name: string;
  /** The role that every connection takes, `slipway_web` for what serves people. */
  readonly role?: "slipway_web";
  /**
   * Each named statement is planned once for a connection, not anew whenever PostgreSQL guesses that its
   * parameters might change the plan: large statements over few rows take longer to plan than to run.
   */
  readonly plansOnce?: boolean;
  readonly onError: (error: Error) => void;
}

export function openDatabase(options: PoolOptions): Database {
  const settings = [
    ...(options.role ? [`-c role=${options.role}`] : []),
    ...(options.plansOnce ? ["-c plan_cache_mode=force_generic_plan"] : []),
  ];
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.max,
    application_name: `slipway-${options.name}`,
    types,
    keepAlive: true,
    ...(settings.length > 0 ? { options: settings.join(" ") } : {}),
  });
  // An idle connection that PostgreSQL closes is not a fault of any caller: the next query opens
  // a new one. Without a listener it would end the process.
  pool.on("error", options.onError);
  const counters: Counters = { roundTrips: 0, commits: 0 };
  return {
    counters,
    async rows<R>(statement: string | Statement, values: readonly unknown[] = []): Promise<R[]> {
      counters.roundTrips += 1;
      counters.commits += 1;
      const result = await pool.query(asQuery(statement, values));
      return result.rows as R[];
    },
    async transaction(work, opening = "") {
      const client = await pool.connect();
      // While it is ours the pool does not listen: a lost connection, unheard, would end the process.
      client.on("error", options.onError);
      let broken: Error | undefined;
      try {
        counters.roundTrips += 2;
        counters.commits += 1;
        await client.query(`begin${opening}`);
        const result = await work({
          async rows<R>(statement: string | Statement, values: readonly unknown[] = []) {
            counters.roundTrips += 1;
            return (await client.query(asQuery(statement, values))).rows as R[];
          },
        });
        await client.query("commit");
        return result;
      } catch (error) {
        await client.query("rollback").catch((reason: Error) => {
          broken = reason;
        });
        throw error;
      } finally {
        client.off("error", options.onError);
        client.release(broken);
      }
    },
    async end() {
      await pool.end();
    },
  };
}

function asQuery(statement: string | Statement, values: readonly unknown[]): pg.QueryConfig {
  const query: pg.QueryConfig =
    typeof statement === "string" ? { text: statement } : { ...statement };
  query.values = values as unknown[];
  return query;
}

/** Rows that must be exactly one. */
export function only<R>(rows: readonly R[]): R {
  const [row] = rows;
  if (row === undefined || rows.length !== 1)
    throw new Error(`expected one row, got ${rows.length}`);
  return row;
}
