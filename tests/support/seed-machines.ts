/** Of `seed-ui`: workers on demand in every state, their machines, accounts, sweeps, and pools. */
import type pg from "pg";
import { accountSql } from "../../server/fleet/caps/ledger";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

interface Life {
  readonly state: "requested" | "starting" | "running" | "stopping" | "gone";
  /** Minutes ago: asked for, made, logged in, let go, gone; null: not so far, or never. */
  readonly at: readonly [number, number | null, number | null, number | null, number | null];
  readonly endReason?: string;
  readonly endAdvice?: string;
  readonly isFailed?: boolean;
  readonly stopTries?: number;
  readonly lastError?: string;
  readonly price?: number | null;
}

const REFUSED = "its machine could not be started: docker: no such image: capstan/worker:24.10";
const ADVICE = "It is not tried again: the options of the worker have to change.";

const LIVES: readonly Life[] = [
  {
    state: "gone",
    at: [1_300, 1_299, 1_298, 1_240, 1_239],
    endReason: "it was not needed for 600 s",
    price: 0.12,
  },
  {
    state: "gone",
    at: [640, null, null, 639, 638],
    endReason: REFUSED,
    endAdvice: ADVICE,
    isFailed: true,
  },
  {
    state: "gone",
    at: [300, 299, 297, 210, 209],
    endReason: "it was not needed for 600 s",
    price: 0.12,
  },
  {
    state: "stopping",
    at: [190, 189, 187, 120, null],
    endReason: "it was not needed for 600 s",
    stopTries: 4,
    lastError: "503 Service Unavailable: the engine is shutting down",
    price: 0.12,
  },
  { state: "running", at: [34, 33, 32, null, null], price: 0.12 },
];

export interface Seeding {
  readonly db: pg.Client;
  readonly org: number;
  readonly now: number;
  /** Of a builder that all may build. */
  readonly builder: number;
  readonly owner: number;
}

export async function seedMachines({ db, org, now, builder, owner }: Seeding): Promise<void> {
  const at = (minutes: number | null) =>
    minutes === null ? null : new Date(now - minutes * MINUTE);
  const id = async (text: string, values: unknown[]): Promise<number> =>
    Number((await db.query(`${text} returning id`, values)).rows[0].id);
  const docker = {
    docker_host: "tcp://crane.example.org:2375",
    image: "capstan/worker:24.04",
    price_per_hour: 0.12,
  };
  const latent = async (name: string, state: string, more: Record<string, unknown> = {}) => {
    const worker = await id(
      `insert into worker (org_id, name, login_name, kind, config, max_builds)
       values ($1, $2, $2, 'DockerLatentWorker', $3, 1)`,
      [org, name, JSON.stringify(docker)],
    );
    const columns = { org_id: org, worker_id: worker, state, reason: "seeded", ...more };
    const names = Object.keys(columns);
    await db.query(
      `insert into latent_worker (${names.join(", ")}) values (${names.map((_, n) => `$${n + 1}`).join(", ")})`,
      Object.values(columns),
    );
    await db.query("insert into builder_worker values ($1, $2, $3)", [org, builder, worker]);
    return worker;
  };
  const kept = { build_wait_seconds: 600 };
  const quay = await latent("davit", "substantiated", {
    ...kept,
    generation: 5,
    state_since: at(32),
  });
  const coming = await latent("winch", "starting", {
    ...kept,
    generation: 1,
    state_since: at(1),
    missing_at: at(-19),
  });
  await latent("capstan-on-demand", "insubstantiated", kept);
  const resting = await latent("windlass", "insubstantiated", kept);
  await db.query(
    `update worker set quarantined_until = $2, quarantine_seconds = 160, quarantine_count = 3, quarantine_reason = $3 where id = $1`,
    [resting, at(-2), REFUSED],
  );
  const session = await id(
    `insert into worker_session (org_id, worker_id, process_id, protocol, peer, started_at)
     values ($1, $2, $3, 'pb', '172.17.0.4:40122', $4)`,
    [org, quay, owner, at(32)],
  );
  await db.query("update worker set session_id = $2, last_seen_at = now() where id = $1", [
    quay,
    session,
  ]);

  const account = await id(
    `insert into instance_account (org_id, driver, fingerprint, title, config, swept_at, listed_at, next_at, listed)
     values ($1, 'DockerLatentWorker', 'seed', 'DockerLatentWorker tcp://crane.example.org:2375', '{}', $2, $2, $3, '[]')`,
    [org, at(2), at(-3)],
  );
  const away = await id(
    `insert into instance_account (org_id, driver, fingerprint, title, config, swept_at, listed_at, next_at, error, error_since)
     values ($1, 'LibVirtWorker', 'seed', 'LibVirtWorker qemu+ssh://hull.example.org/system', '{}', $2, $3, $4,
       'Cannot recv data: ssh: connect to host hull.example.org port 22: No route to host', $3)`,
    [org, at(4), at(95), at(-1)],
  );
  const machine = async (worker: number, generation: number, life: Life) => {
    const [asked, made, in_, letGo, gone] = life.at;
    const key = `bb-1nst-main-${worker === quay ? "davit" : "winch"}-5e1f-${generation}`;
    const instance = await id(
      `insert into instance (org_id, worker_id, driver, key, state, reason, generation, config, created_at, answered_at,
         connected_at, stopping_at, gone_at, end_reason, end_advice, is_failed, stop_tries, last_error, billing,
         price_per_hour, account_id)
       values ($1, $2, 'DockerLatentWorker', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, 'second', $18, $19)`,
      [
        ...[org, worker, key, life.state, life.endReason ?? "its worker has logged in", generation],
        ...[JSON.stringify(docker), at(asked), at(made), at(in_), at(letGo), at(gone)],
        ...[life.endReason ?? null, life.endAdvice ?? null, life.isFailed ?? false],
        ...[life.stopTries ?? 0, life.lastError ?? null, life.price ?? null, account],
      ],
    );
    const history: [string | null, string, number | null, string][] = [
      [null, "requested", asked, `machine ${generation} is asked for`],
      ["requested", "starting", made, "the provider makes it"],
      ["starting", "running", in_, "its worker has logged in"],
      ["running", "stopping", letGo, life.endReason ?? ""],
      ["stopping", "gone", gone, "the provider has it no more"],
    ];
    for (const [from, to, when, reason] of history) {
      if (when === null) continue;
      await db.query(
        `insert into transition (at, org_id, kind, subject_id, from_state, to_state, reason, actor)
         values ($1, $2, 'instance', $3, $4, $5, $6, 'jobs 1')`,
        [at(when), org, instance, from, to, reason],
      );
    }
    return { id: instance, key };
  };
  const machines = [];
  for (const [index, life] of LIVES.entries()) machines.push(await machine(quay, index + 1, life));
  const starting = await machine(coming, 1, { state: "starting", at: [1.2, 1, null, null, null] });
  await db.query("update latent_worker set instance_id = $2 where worker_id = $1", [
    quay,
    machines.at(-1)?.id,
  ]);
  await db.query("update latent_worker set instance_id = $2 where worker_id = $1", [
    coming,
    starting.id,
  ]);
  // The first and third machines ran builds; these are the builder's newest.
  await db.query(
    `update build set instance_id = $2, worker_id = $3, created_at = $4, started_at = $5, complete_at = $6
     where id = (select id from build where builder_id = $1 and state = 'finished' order by id desc limit 1)`,
    [builder, machines[2]?.id, quay, at(300), at(296.8), at(240)],
  );

  const listed = [...machines.slice(3), starting].map(({ key }, index) => ({
    key,
    madeAt: now - (index + 1) * HOUR,
    generation: index + 4,
  }));
  const orphan = "bb-1nst-main-davit-5e1f-2";
  await db.query("update instance_account set listed = $2 where id = $1", [
    account,
    JSON.stringify([...listed, { key: `${orphan}-lost`, madeAt: now - 9 * HOUR, generation: 2 }]),
  ]);
  await db.query(
    `insert into instance_sighting (org_id, account_id, kind, key, why, first_at, last_at, times, handle)
     values ($1, $2, 'orphan', $3, 'nobody here knows it', $4, $5, 1, '{}')`,
    [org, account, `${orphan}-lost`, at(7), at(2)],
  );
  const sweep = (
    of: number,
    minutes: number,
    counts: readonly number[],
    details: object[],
    error: string | null = null,
  ) =>
    db.query(
      `insert into sweep_report (org_id, account_id, at, duration_ms, is_dry_run, seen, known, orphans, stopped, missing, error, details, is_notable)
       values ($1, $2, $3, 180, false, $4, $5, $6, $7, $8, $9, $10, $6 > 0 or $9::text is not null)`,
      [org, of, at(minutes), ...counts, error, JSON.stringify(details)],
    );
  const lost = { key: `${orphan}-lost`, kind: "orphan", why: "nobody here knows it", error: null };
  await sweep(account, 190, [3, 2, 1, 1, 0], [{ ...lost, action: "stopped", times: 2 }]);
  await sweep(away, 64, [0, 0, 0, 0, 0], [], "ssh: connect to host hull.example.org port 22");
  await sweep(account, 7, [3, 3, 0, 0, 0], []);
  await sweep(account, 2, [4, 3, 1, 0, 0], [{ ...lost, action: "sighted", times: 1 }]);

  await db.query(accountSql("(select * from instance where state = 'gone')"));

  await seedPool({ db, org, now, builder, owner });
  await seedFailing({ db, org, now, builder, owner });
  await db.query("insert into builder_worker select org_id, $1, id from worker where pool_id > 0", [
    builder,
  ]);
}

/** A pool whose machines do not start. */
async function seedFailing({ db, org, now, builder }: Seeding): Promise<void> {
  const { rows } = await db.query(
    `insert into pool (org_id, name, kind, labels, config, max_workers, figures, figures_at, backoff_until, backoff_count,
       backoff_code, backoff_reason)
     values ($1, 'arm', 'DockerLatentWorker', '{arm}', '{"maxWorkers": 2}', 2, '{"queue": 0, "desired": 0}', now(), $2, 3, 'quota', $3)
     returning id`,
    [
      ...[org, new Date(now + 10 * MINUTE)],
      "its machine could not be started: docker: no space left on device: /var/lib/docker/overlay2/8c1f0e",
    ],
  );
  const pool = Number(rows[0].id);
  await db.query("insert into builder_pool (org_id, builder_id, pool_id) values ($1, $2, $3)", [
    ...[org, builder, pool],
  ]);
  for (const number of [1, 2]) {
    const worker = await db.query(
      `insert into worker (org_id, name, login_name, kind, config, pool_id, pool_number)
       values ($1, $2, $2, 'DockerLatentWorker', '{}', $3, $4) returning id`,
      [org, `arm-${number}`, pool, number],
    );
    await db.query(
      "insert into latent_worker (org_id, worker_id, state, reason) values ($1, $2, 'insubstantiated', 'seeded')",
      [org, worker.rows[0].id],
    );
  }
}

async function seedPool({ db, org, now, builder }: Seeding): Promise<void> {
  const limits = [
    { code: "max", room: 0, sentence: "may have 6 machines (maxWorkers)", until: null },
    {
      code: "rate",
      room: 2,
      sentence: "starts 4 machines a minute at most",
      until: now + 40_000,
    },
  ];
  const { rows } = await db.query(
    `insert into pool (org_id, name, kind, labels, config, max_workers, figures, figures_at)
     values ($1, 'linux', 'DockerLatentWorker', '{linux,x64}', $2, 6, $3, now()) returning id`,
    [
      org,
      JSON.stringify({
        minIdle: 1,
        maxWorkers: 6,
        scaleUpRate: 4,
        budget: { hours: 40, per: "day" },
      }),
      JSON.stringify({ queue: 9, desired: 6, limits }),
    ],
  );
  const pool = Number(rows[0].id);
  await db.query("insert into builder_pool (org_id, builder_id, pool_id) values ($1, $2, $3)", [
    org,
    builder,
    pool,
  ]);
  for (let number = 1; number <= 6; number += 1) {
    const state = number <= 3 ? "substantiated" : number === 4 ? "starting" : "insubstantiated";
    const worker = await db.query(
      `insert into worker (org_id, name, login_name, kind, config, pool_id, pool_number)
       values ($1, $2, $2, 'DockerLatentWorker', '{}', $3, $4) returning id`,
      [org, `linux-${number}`, pool, number],
    );
    await db.query(
      `insert into latent_worker (org_id, worker_id, state, reason, build_wait_seconds) values ($1, $2, $3, 'seeded', 600)`,
      [org, worker.rows[0].id, state],
    );
  }
  for (let step = 0; step < 288; step += 1) {
    const hour = step / 12;
    // Quiet at night, a rush in the morning, a smaller one after noon.
    const rush = (middle: number, wide: number) => Math.exp(-(((hour - middle) / wide) ** 2));
    const wanted = Math.round(11 * rush(10, 1.6) + 6 * rush(16, 2));
    const busy = Math.min(5, wanted);
    await db.query(
      `insert into pool_sample (org_id, pool_id, at, queue, desired, starting, idle, busy)
       values ($1, $2, $3, $4, $5, $6, $7, $8)`,
      [
        ...[org, pool, new Date(now - (288 - step) * 5 * MINUTE), Math.max(0, wanted - 4)],
        ...[Math.min(6, wanted + 1), wanted > 4 ? 1 : 0, wanted > 5 ? 0 : 1, busy],
      ],
    );
  }
}
