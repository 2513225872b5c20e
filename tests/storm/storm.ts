/**
 * An installation with workers and a stream of requests, and what must be true of it at the end,
 * whatever was killed meanwhile. Requests are made over REST under idempotency keys, as a careful
 * client makes them: repeated until answered.
 */
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { type BuildbotWorker, startBuildbotWorker } from "../support/buildbot-worker";
import {
  type SlipwayInstance,
  type SlipwayOptions,
  startSlipway,
} from "../support/slipway-instance";

const PASSWORD = "pass";
const BUILDERS = 4;
/** Nothing that is killed here may take longer to come right again. */
const PATIENCE_MS = 90_000;

export interface StormOptions extends SlipwayOptions {
  readonly workers?: readonly string[];
  /** More builders than the storm's own, as configuration has them. */
  readonly builders?: readonly object[];
  /** Workers and pools whose machines Slipway makes, as configuration has them. */
  readonly latent?: readonly object[];
  readonly pools?: readonly object[];
  /** Where the storm's own builders build, each by its number, in place of all of `workers`. */
  readonly where?: (n: number) => { readonly workernames: string[] } | { readonly pools: string[] };
}

export interface Storm {
  readonly slipway: SlipwayInstance;
  readonly workers: ReadonlyMap<string, BuildbotWorker>;
  /** Rows straight from the database; tried again while it is away. */
  rows<R extends object>(sql: string, values?: readonly unknown[]): Promise<R[]>;
  /** One build of a builder; settles when the request is stored. @returns the request's id */
  request(builder: string, key: string): Promise<number>;
  /** So many builds over the storm's builders, a few at a time. @returns the requests' ids */
  requestMany(count: number, prefix: string): Promise<number[]>;
  /** Waits for rows; says what it saw last when they do not come. */
  until<R extends object>(
    what: string,
    sql: string,
    values: readonly unknown[],
    isSo: (rows: R[]) => boolean,
  ): Promise<R[]>;
  /** Waits until these requests are complete. */
  complete(ids: readonly number[]): Promise<void>;
  connected(...names: readonly string[]): Promise<void>;
  stop(): Promise<void>;
}

export async function openStorm(options: StormOptions = {}): Promise<Storm> {
  const names = options.workers ?? ["s1", "s2"];
  const step = (command: string) => ({ type: "ShellCommand", command, logEnviron: false });
  const config = {
    workers: [
      ...names.map((name) => ({ type: "Worker", name, password: PASSWORD, max_builds: 4 })),
      ...(options.latent ?? []),
    ],
    pools: options.pools ?? [],
    projects: {
      storm: {
        builders: [
          ...Array.from({ length: BUILDERS }, (_, n) => ({
            name: `storm-${n}`,
            ...(options.where?.(n) ?? { workernames: names }),
            factory: [step("echo begin; sleep 0.1; echo end"), step("echo two")],
          })),
          ...(options.builders ?? []),
        ],
      },
    },
  };
  const slipway = await startSlipway({ ...options, config });
  const workers = new Map<string, BuildbotWorker>();
  let pool = openPool(slipway.databaseUrl);
  /** What did not come right in time: all that waits after that fails at once, and says what it was. */
  let ranOut: Error | null = null;

  async function patiently<T>(what: string, work: () => Promise<T | null>): Promise<T> {
    const giveUpAt = performance.now() + PATIENCE_MS;
    for (let last: unknown = null; ; ) {
      if (ranOut) throw new Error(`${what}: not waited for, after ${ranOut.message}`);
      try {
        const result = await work();
        if (result !== null) return result;
      } catch (error) {
        last = error;
      }
      if (performance.now() > giveUpAt) {
        const end = slipway.output.slice(-40).join("\n");
        ranOut ??= new Error(`${what}: not within ${PATIENCE_MS / 1_000} s (${last})\n${end}`);
        throw ranOut;
      }
      await sleep(100);
    }
  }

  async function rows<R extends object>(sql: string, values: readonly unknown[] = []) {
    return patiently(sql, async () => {
      // Another server may have taken the place of one that was killed, on another port.
      if (pool.url !== slipway.databaseUrl) {
        await pool.pool.end();
        pool = openPool(slipway.databaseUrl);
      }
      return (await pool.pool.query<R>(sql, [...values])).rows;
    });
  }

  async function request(builder: string, key: string): Promise<number> {
    const made = await patiently(`request ${key}`, () =>
      slipway.call<{ buildrequestids: Record<string, number> }>(`builders/${builder}`, "force", {
        reason: key,
        idempotency_key: key,
      }),
    );
    return Object.values(made.buildrequestids)[0] as number;
  }

  async function until<R extends object>(
    what: string,
    sql: string,
    values: readonly unknown[],
    isSo: (found: R[]) => boolean,
  ): Promise<R[]> {
    let last: R[] = [];
    try {
      return await patiently(what, async () => {
        last = await rows<R>(sql, values);
        return isSo(last) ? last : null;
      });
    } catch (error) {
      throw new Error(`${(error as Error).message}\nlast seen: ${JSON.stringify(last)}`);
    }
  }

  const storm: Storm = {
    slipway,
    workers,
    rows,
    request,
    async requestMany(count, prefix) {
      const ids: number[] = [];
      let next = 0;
      const client = async () => {
        for (let n = next++; n < count; n = next++) {
          ids.push(await request(`storm-${n % BUILDERS}`, `${prefix}-${n}`));
        }
      };
      await Promise.all([client(), client(), client()]);
      return ids;
    },
    until,
    async complete(ids) {
      await until<{ id: string; state: string }>(
        "requests complete",
        "select id, state from build_request where id = any($1) and state not in ('done', 'cancelled')",
        [ids],
        (open) => open.length === 0,
      );
    },
    async connected(...wanted) {
      await until<{ name: string }>(
        `workers ${wanted.join(", ")} connected`,
        `select w.name from worker w join worker_session s on s.id = w.session_id join process p on p.id = s.process_id
         where s.ended_at is null and p.gone_at is null`,
        [],
        (found) => wanted.every((name) => found.some((row) => row.name === name)),
      );
    },
    async stop() {
      await Promise.all([...workers.values()].map((worker) => worker.stop()));
      await pool.pool.end();
      await slipway.stop();
    },
  };
  try {
    for (const name of names) {
      const where = { host: "127.0.0.1", port: slipway.pbPort };
      // Back again after seconds, however often its server was killed.
      const args = ["--maxdelay=3"];
      workers.set(name, await startBuildbotWorker({ ...where, name, password: PASSWORD, args }));
    }
    await storm.connected(...names);
    return storm;
  } catch (error) {
    await storm.stop();
    throw error;
  }
}

function openPool(url: string): { url: string; pool: pg.Pool } {
  const pool = new pg.Pool({ connectionString: url, max: 2, connectionTimeoutMillis: 5_000 });
  pool.on("error", () => {});
  return { url, pool };
}

/** What must hold once all is quiet; each gives the rows that break it. */
const INVARIANTS: Readonly<Record<string, string>> = {
  "a request that is not done and SUCCESS":
    "select id, state, result from build_request where state <> 'done' or result is distinct from 0",
  "a request without exactly one finished build that is no RETRY": `
    select r.id, count(b.id) filter (where b.result <> 5)::int as ended, count(b.id)::int as builds
    from build_request r left join build b on b.build_request_id = r.id and b.state = 'finished'
    group by r.id having count(b.id) filter (where b.result <> 5) <> 1`,
  "a build that is not finished": "select id, state from build where state <> 'finished'",
  "a build that is neither SUCCESS nor RETRY":
    "select id, result, state_string from build where state = 'finished' and result not in (0, 5)",
  "a step that is not over": `
    select s.id, s.state from step s join build b on b.id = s.build_id
    where s.state not in ('finished', 'skipped') and b.state = 'finished'`,
  "an open log of a finished build": `
    select l.id, l.build_id from log l join build b on b.id = l.build_id
    where l.state = 'open' and b.state = 'finished'`,
  "a log of a green build whose lines are not all there": `
    select l.id, l.line_count, coalesce(sum(c.line_count), 0)::int as stored
    from log l join build b on b.id = l.build_id left join log_chunk c on c.log_id = l.id
    where b.result = 0 group by l.id, l.line_count having coalesce(sum(c.line_count), 0) <> l.line_count`,
  "a green build without what its steps printed": `
    select b.id, count(l.id)::int as logs, sum(l.line_count)::int as lines
    from build b join builder r on r.id = b.builder_id and r.name like 'storm-%'
    left join (select l.* from log l join step s on s.id = l.step_id where not s.is_preparation) l on l.build_id = b.id
    where b.result = 0 group by b.id having count(l.id) <> 2 or sum(l.line_count) < 3`,
  "an open session of a process that is gone": `
    select s.id, p.id as process, p.gone_reason from worker_session s join process p on p.id = s.process_id
    where s.ended_at is null and p.gone_at is not null`,
  "a worker that points at an ended session": `
    select w.name from worker w join worker_session s on s.id = w.session_id where s.ended_at is not null`,
  "a buildset that is not complete and SUCCESS":
    "select id, open_requests, result from buildset where complete_at is null or result is distinct from 0 or open_requests <> 0",
  "a deadline of a finished build": `
    select d.kind, d.subject_id from deadline d join build b on b.id = d.subject_id
    where d.kind in ('build-preparing', 'build-stopping') and b.state = 'finished'`,
  "a latent worker that is not at rest": `
    select w.name, l.state, l.reason from latent_worker l join worker w on w.id = l.worker_id
    where l.state <> 'insubstantiated' or l.instance_id is not null or l.owner_id is not null`,
  "a machine that is not gone": "select key, state, reason from instance where state <> 'gone'",
  "a machine that its provider had, and that was never let go": `
    select i.key from instance i where i.answered_at is not null and not exists (select from transition t
      where t.kind = 'instance' and t.subject_id = i.id and t.to_state = 'stopping')`,
  "a request for which no history ends": `
    select r.id from build_request r where not exists (select from transition t
      where t.kind = 'build_request' and t.subject_id = r.id and t.to_state = 'done')`,
};

/** Everything that is wrong, in words; empty when all is well. */
export async function broken(storm: Storm): Promise<string[]> {
  const found: string[] = [];
  for (const [what, sql] of Object.entries(INVARIANTS)) {
    const rows = await storm.rows(sql);
    if (rows.length > 0) found.push(`${what}: ${JSON.stringify(rows.slice(0, 5))}`);
  }
  return found;
}

/** Waits until nothing is being recovered any more: sessions end and processes are seen to be gone. */
export async function quiet(storm: Storm): Promise<void> {
  await storm.slipway.healthy();
  await storm.connected(...storm.workers.keys());
  const { web, socket, jobs } = storm.slipway.pids();
  await storm.until<{ pid: number }>(
    "dead processes seen to be gone, their sessions ended",
    `select p.pid from process p where p.gone_at is null and p.pid <> all($1)
     union all select p.pid from worker_session s join process p on p.id = s.process_id
     where s.ended_at is null and p.gone_at is not null`,
    [[web, socket, jobs]],
    (left) => left.length === 0,
  );
}
