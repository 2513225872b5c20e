/**
 * Fills a scratch database with an organisation in every state that a page can show, for looking at
 * the pages: `npx tsx tests/support/seed-ui.ts postgresql://…`. Signs in as ada@example.org,
 * password "engine-1843". Times hang on the moment it runs; everything else is always the same.
 */
import { gzipSync } from "node:zlib";
import pg from "pg";
import { hashPassword } from "../../server/auth/password";
import { seedMachines } from "./seed-machines";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** A small generator, so that every seed looks alike. */
function makeRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    return state / 4_294_967_296;
  };
}

const BUILDERS = [
  { name: "linux-x64", tags: ["unit", "linux"], mood: "steady", about: "Unit tests, GCC 14" },
  {
    name: "linux-arm64",
    tags: ["unit", "linux", "arm"],
    mood: "broken",
    about: "Unit tests on ARM",
  },
  { name: "windows", tags: ["unit", "windows"], mood: "flaky", about: "Unit tests, MSVC" },
  { name: "macos", tags: ["unit", "mac"], mood: "ours", about: "Unit tests, Xcode" },
  { name: "docs", tags: ["docs"], mood: "warns", about: "Manual and API reference" },
  { name: "release", tags: ["release", "linux"], mood: "running", about: "Packages, signed" },
  { name: "fuzz-nightly", tags: ["fuzz", "linux"], mood: "stopped", about: "" },
  { name: "experiments", tags: [], mood: "never", about: "Nothing has been built here yet" },
] as const;

const STEPS = ["git", "configure", "compile", "test", "upload"];

async function main(url: string): Promise<void> {
  const db = new pg.Client({ connectionString: url });
  await db.connect();
  await db.query("begin");
  const random = makeRandom(7);
  const now = Date.now();
  const at = (ms: number) => new Date(ms);
  const id = async (text: string, values: unknown[]): Promise<number> =>
    Number((await db.query(`${text} returning id`, values)).rows[0].id);

  const org = await id("insert into organization (slug, name) values ($1, $2)", [
    "main",
    "Harbour Works",
  ]);
  const other = await id("insert into organization (slug, name) values ($1, $2)", [
    "lab",
    "The Lab",
  ]);
  const ada = await id(
    "insert into user_account (email, name, password_hash, is_admin) values ($1, $2, $3, true)",
    ["ada@example.org", "Ada Byron", await hashPassword("engine-1843")],
  );
  const grace = await id("insert into user_account (email, name) values ($1, $2)", [
    "grace@example.org",
    "Grace Murray",
  ]);
  for (const [o, u, role] of [
    [org, ada, "owner"],
    [other, ada, "owner"],
    [org, grace, "developer"],
  ]) {
    await db.query("insert into membership (org_id, user_id, role) values ($1, $2, $3)", [
      o,
      u,
      role,
    ]);
  }
  const project = await id("insert into project (org_id, name, description) values ($1, $2, $3)", [
    org,
    "capstan",
    "Winch control, firmware and tools",
  ]);
  const owner = await id(
    "insert into process (kind, host, pid, lease_expires_at) values ('socket', 'pier-1', 4711, now() + interval '1 hour')",
    [],
  );

  const facts = (system: string, numcpus: number) =>
    JSON.stringify({
      version: "4.3.0",
      system,
      basedir: "/srv/worker",
      numcpus,
      workerCommands: { shell: "3.3", uploadFile: "3.3", rmdir: "3.3", mkdir: "3.3" },
      environ: { HOME: "/srv/worker", LANG: "C.UTF-8", PATH: "/usr/local/bin:/usr/bin:/bin" },
      info: {
        access_uri: "ssh://worker@pier-7.example.org",
        admin: "Ada Byron <ada@example.org>",
        host: `${system}, ${numcpus} cores`,
        os_name: "Debian GNU/Linux 12",
      },
    });
  const worker = async (name: string, extra: Record<string, unknown>, connected: boolean) => {
    const worker_id = await id(
      "insert into worker (org_id, name, login_name, kind, config, max_builds, facts, last_seen_at) values ($1, $2, $2, 'Worker', '{}', 2, $3, $4)",
      [org, name, extra.facts ?? null, extra.seen ? at(now - (extra.seen as number)) : null],
    );
    for (const [column, value] of Object.entries(extra)) {
      if (column === "facts" || column === "seen") continue;
      await db.query(`update worker set ${column} = $2 where id = $1`, [worker_id, value]);
    }
    const session = await id(
      "insert into worker_session (org_id, worker_id, process_id, protocol, peer, started_at, ended_at, end_reason) values ($1, $2, $3, 'pb', '10.0.4.7:51824', $4, $5, $6)",
      [
        org,
        worker_id,
        owner,
        at(now - 9 * HOUR),
        connected ? null : at(now - 2 * HOUR),
        connected ? null : "the worker closed the connection",
      ],
    );
    if (connected)
      await db.query("update worker set session_id = $2 where id = $1", [worker_id, session]);
    return worker_id;
  };
  const workers = [
    await worker("bollard-1", { facts: facts("posix", 16), seen: 2000 }, true),
    await worker("bollard-2", { facts: facts("posix", 16), seen: 3000 }, true),
    await worker(
      "cleat-arm",
      {
        facts: facts("posix", 8),
        seen: 2000,
        paused_at: at(now - 3 * HOUR),
        paused_by: "grace@example.org",
        pause_reason: "disk is being replaced",
      },
      true,
    ),
    await worker(
      "fender-win",
      {
        facts: facts("win32", 12),
        seen: 1000,
        quarantined_until: at(now + 7 * MINUTE),
        quarantine_seconds: 640,
        quarantine_reason: "the directory of the builder could not be made",
      },
      true,
    ),
    await worker("hawser-mac", { facts: facts("posix", 10), seen: 26 * HOUR }, false),
    await worker("new-hand", {}, false),
  ];
  await db.query(
    "insert into door_event (org_id, worker_id, login_name, peer, reason, detail) values ($1, $2, 'new-hand', '10.0.4.31:40022', 'wrong-password', 'the answer to the challenge does not fit')",
    [org, workers[5]],
  );

  for (const [name, peer, reason, detail] of [
    ["new-hnad", "10.0.4.31", "unknown-name", "no worker of this name"],
    ["root", "198.51.100.7", "unknown-name", "no worker of this name"],
    [null, "10.0.4.2", "http", "its first word is GET"],
    [null, "10.0.4.19", "tls-at-plain-door", "its first bytes begin a TLS handshake"],
    [null, "10.0.4.2", "left", "not a byte came"],
  ]) {
    await db.query(
      "insert into door_event (at, login_name, peer, reason, detail) values ($1, $2, $3, $4, $5)",
      [at(now - 25 * MINUTE), name, peer, reason, detail],
    );
  }

  const stamp = async (revision: string) =>
    id(
      "insert into source_stamp (org_id, hash, codebase, repository, branch, revision, project) values ($1, decode(md5($2), 'hex'), '', 'https://git.example.org/capstan.git', 'main', $2, 'capstan')",
      [org, revision],
    );
  const request = async (
    builder: number,
    state: string,
    when: number,
    result: number | null,
    reason: string,
    who: string | null,
    priority = 0,
  ) => {
    const revision = Array.from({ length: 40 }, () => Math.floor(random() * 16).toString(16)).join(
      "",
    );
    const set = await id(
      "insert into buildset (org_id, reason, owner, scheduler, properties, submitted_at, complete_at, result, open_requests) values ($1, $2, $3, $4, '{}', $5, $6, $7, $8)",
      [
        org,
        reason,
        who,
        who ? "force" : "all",
        at(when),
        result === null ? null : at(when + MINUTE),
        result,
        result === null ? 1 : 0,
      ],
    );
    await db.query("insert into buildset_source_stamp values ($1, $2, $3)", [
      org,
      set,
      await stamp(revision),
    ]);
    return {
      revision,
      id: await id(
        "insert into build_request (org_id, buildset_id, builder_id, state, priority, submitted_at, claimed_at, complete_at, result) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        [
          org,
          set,
          builder,
          state,
          priority,
          at(when),
          state === "pending" ? null : at(when + 4000),
          result === null ? null : at(when + MINUTE),
          result,
        ],
      ),
    };
  };
  const history = (
    kind: string,
    subject: number,
    from: string | null,
    to: string,
    reason: string,
    when: number,
  ) =>
    db.query(
      "insert into transition (at, org_id, kind, subject_id, from_state, to_state, reason, actor) values ($1, $2, $3, $4, $5, $6, $7, $8)",
      [at(when), org, kind, subject, from, to, reason, "engine"],
    );

  for (const [index, builder] of BUILDERS.entries()) {
    const builder_id = await id(
      "insert into builder (org_id, project_id, name, description, tags, builddir) values ($1, $2, $3, $4, $5, $3)",
      [org, project, builder.name, builder.about, [...builder.tags]],
    );
    const config_id = await id(
      "insert into builder_config (org_id, builder_id, hash, config) values ($1, $2, decode(md5($3), 'hex'), $4)",
      [
        org,
        builder_id,
        builder.name,
        JSON.stringify({
          name: builder.name,
          builddir: builder.name,
          env: {},
          properties: { flavour: "release" },
          defaultProperties: {},
          workernames: [],
          steps: STEPS.map((name) => ({ type: "ShellCommand", name, command: ["make", name] })),
        }),
      ],
    );
    await db.query("update builder set current_config_id = $2 where id = $1", [
      builder_id,
      config_id,
    ]);
    const serving = { windows: [3], macos: [4], "linux-arm64": [2, 0] }[builder.name as string] ?? [
      0, 1,
    ];
    for (const w of serving)
      await db.query("insert into builder_worker values ($1, $2, $3)", [
        org,
        builder_id,
        workers[w],
      ]);
    const count = builder.mood === "never" ? 0 : 64;
    for (let number = 1; number <= count; number += 1) {
      const isLast = number === count;
      const start = now - (count - number) * 3.1 * HOUR - 40 * MINUTE - index * 7 * MINUTE;
      const result = resultFor(builder.mood, number, count, random);
      const isRunning = isLast && builder.mood === "running";
      const took = (2 + random() * 6 + (index % 3) * 3) * MINUTE;
      const who = number % 9 === 0 ? "grace@example.org" : null;
      const asked = await request(
        builder_id,
        isRunning ? "claimed" : "done",
        start - 9000,
        isRunning ? null : result,
        who
          ? "A build was forced by 'grace@example.org': try again"
          : "The scheduler 'all' saw a change on main",
        who,
      );
      const began = isRunning ? now - 3 * MINUTE : start;
      const build = await id(
        `insert into build (org_id, builder_id, number, build_request_id, worker_id, worker_slot, builder_config_id, owner_id, state, result, state_string, properties, created_at, started_at, complete_at)
         values ($1, $2, $3, $4, $5, 1, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
        [
          org,
          builder_id,
          number,
          asked.id,
          workers[serving[number % serving.length] ?? 0],
          config_id,
          owner,
          isRunning ? "running" : "finished",
          isRunning ? null : result,
          isRunning ? "building" : result === 2 ? "failed test" : "build successful",
          JSON.stringify({
            builderName: [builder.name, "Builder"],
            branch: ["main", "Build"],
            got_revision: [asked.revision, "git"],
            flavour: ["release", "Builder"],
            matrix: [{ arch: "x64", opt: 2 }, "SetProperties Step"],
          }),
          at(began - 4000),
          at(began),
          isRunning ? null : at(began + took),
        ],
      );
      if (number < count - 3) continue;
      await history("build_request", asked.id, null, "pending", "asked for", began - 9000);
      await history(
        "build_request",
        asked.id,
        "pending",
        "claimed",
        "a worker is free",
        began - 4000,
      );
      await history("build", build, null, "preparing", "claimed", began - 4000);
      await history("build", build, "preparing", "running", "the worker is ready", began);
      let clock = began;
      for (const [n, name] of STEPS.entries()) {
        const isBad = (result === 2 && n === 3) || (result === 4 && n === 2);
        const isAfter = (result === 2 && n > 3) || (result === 4 && n > 2) || (isRunning && n > 3);
        const isOn = isRunning && n === 3;
        const length = took / STEPS.length;
        const step = await id(
          "insert into step (org_id, build_id, number, name, state, result, state_string, started_at, complete_at, urls) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
          [
            org,
            build,
            n,
            name,
            isAfter ? (isRunning ? "pending" : "skipped") : isOn ? "running" : "finished",
            isAfter || isOn ? null : isBad ? result : result === 1 && n === 2 ? 1 : 0,
            isBad ? `'make ${name}' exited with 2` : `make ${name}`,
            isAfter ? null : at(clock),
            isAfter || isOn ? null : at(clock + length),
            JSON.stringify(
              name === "upload"
                ? [{ name: "package", url: "https://downloads.example.org/capstan" }]
                : [],
            ),
          ],
        );
        if (isAfter) continue;
        await history("step", step, "pending", "running", "its turn", clock);
        if (!isOn)
          await history(
            "step",
            step,
            "running",
            "finished",
            isBad ? "exit status 2" : "exit status 0",
            clock + length,
          );
        await log(db, org, build, step, name, isBad, isOn, clock, number);
        clock += length;
      }
      if (!isRunning)
        await history("build", build, "running", "finished", "all steps are over", clock);
    }
    await db.query("update builder set next_build_number = $2 where id = $1", [
      builder_id,
      count + 1,
    ]);
    if (builder.name === "windows")
      for (let n = 0; n < 3; n += 1)
        await request(
          builder_id,
          "pending",
          now - (n + 1) * 11 * MINUTE,
          null,
          "The scheduler 'all' saw a change on main",
          null,
        );
    if (builder.name === "macos")
      await request(
        builder_id,
        "pending",
        now - 5 * HOUR,
        null,
        "A build was forced by 'ada@example.org': release candidate",
        "ada@example.org",
        10,
      );
    if (builder.name === "release")
      await request(
        builder_id,
        "pending",
        now - 2 * MINUTE,
        null,
        "The scheduler 'all' saw a change on main",
        null,
      );
  }
  const [builder] = (await db.query("select id from builder where name = 'linux-x64'")).rows;
  await seedMachines({ db, org, now, builder: Number(builder.id), owner });
  await db.query("commit");
  await db.end();
}

function resultFor(mood: string, number: number, count: number, random: () => number): number {
  const left = count - number;
  if (mood === "broken" && left < 5) return 2;
  if (mood === "ours" && left < 2) return 4;
  if (mood === "warns") return random() < 0.7 ? 1 : 0;
  if (mood === "flaky" && random() < 0.3) return 2;
  if (mood === "stopped" && left < 1) return 6;
  return random() < 0.08 ? 2 : 0;
}

async function log(
  db: pg.Client,
  org: number,
  build: number,
  step: number,
  name: string,
  isBad: boolean,
  isOpen: boolean,
  when: number,
  number: number,
): Promise<void> {
  const lines = [
    `h make ${name}`.slice(2),
    " in directory /srv/worker/build",
    " watching logfiles {}",
  ].map((text) => `h${text}`);
  for (let n = 1; n <= 60 + (number % 5) * 40; n += 1) {
    lines.push(
      n % 17 === 0
        ? `e\u001b[33mwarning:\u001b[0m unused variable 'slack${n}' in winch_${n}.c:${n * 3}`
        : `o  CC      src/winch_${n}.o`,
    );
  }
  if (isBad)
    lines.push(
      "o\u001b[31mFAIL\u001b[0m tests/test_brake.c:118: expected 0.25, got 0.31",
      "eerror: 1 of 214 tests failed",
      "emake: *** [Makefile:42: test] Error 2",
    );
  lines.push(isBad ? "hprogram finished with exit code 2" : "hprogram finished with exit code 0");
  const data = gzipSync(`${lines.join("\n")}\n`);
  const made = new Date(when);
  const { rows } = await db.query(
    "insert into log (org_id, build_id, step_id, name, slug, type, state, line_count, byte_count, created_at) values ($1, $2, $3, 'stdio', 'stdio', 's', $4, $5, $6, $7) returning id",
    [
      org,
      build,
      step,
      isOpen ? "open" : "finished",
      lines.length,
      lines.join("\n").length + 1,
      made,
    ],
  );
  await db.query("insert into log_chunk values ($1, 0, $2, $3, $4, $5, 1, $6)", [
    rows[0].id,
    made,
    org,
    lines.length,
    lines.join("\n").length + 1,
    data,
  ]);
}

const [url] = process.argv.slice(2);
if (!url) throw new Error("say which database: postgresql://…");
await main(url);
