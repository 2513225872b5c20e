// Guarantee: every line given to the writer is stored once, in order, by its owner only, whatever
// happens to the database meanwhile; and is read back as it was given.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Database, openDatabase, type Queryable } from "../../../../server/db/pool";
import { Batch } from "../../../../server/db/transition";
import type { LogId } from "../../../../server/domain/ids";
import {
  addFinalChunks,
  FencedError,
  finalColumns,
  LogConflictError,
  type LogIdentity,
  LogIds,
  LogWriter,
  Redactor,
  readLines,
  readRaw,
} from "../../../../server/logs";
import { type BuildRow, createBuildRow } from "../../../support/build-rows";
import { createTestDatabase, type TestDatabase } from "../../../support/database";
import { type SeededRandom, seededRandom } from "../../../support/seeded-random";

let database: TestDatabase;
let db: Database;
let ids: LogIds;
let builds = 0;

beforeAll(async () => {
  database = await createTestDatabase();
  db = openDatabase({ url: database.url, max: 4, name: "test", onError: () => {} });
  ids = new LogIds(db);
});

afterAll(async () => {
  await db.end();
  await database.drop();
});

async function newLog(type: LogIdentity["type"] = "s") {
  builds += 1;
  const build = await createBuildRow(db, builds);
  return { build, identity: await identityIn(build, type) };
}

async function identityIn(build: BuildRow, type: LogIdentity["type"] = "s"): Promise<LogIdentity> {
  const logId = await ids.next();
  return {
    logId,
    orgId: build.orgId,
    buildId: build.buildId,
    stepId: build.stepId,
    name: "stdio",
    slug: `stdio-${logId}`,
    type,
    logCreatedAt: new Date("2026-11-21T10:00:00.123Z"),
  };
}

async function raw(logId: LogId): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of readRaw(db, logId)) parts.push(part);
  return Buffer.concat(parts).toString();
}

async function logRow(logId: LogId) {
  const [row] = await db.rows<{
    state: string;
    line_count: number;
    byte_count: number;
    cut_lines: number;
    cut_at_line: number | null;
    created_at: Date;
  }>("select * from log where id = $1", [logId]);
  return row;
}

const bytes = (text: string) => Buffer.from(text);

describe("writing", () => {
  it("makes lines durable by itself, in one statement with the log's row", async () => {
    const { build, identity } = await newLog();
    let stored: (lines: number) => void;
    const durable = new Promise<number>((resolve) => {
      stored = resolve;
    });
    const writer = new LogWriter(db, {
      onStored: (progress) =>
        progress.forEach((one) => {
          stored(one.lineCount);
        }),
    });
    const before = db.counters.commits;
    const log = writer.open(identity, build);
    log.append("stdout", bytes("hello\nhalf a "));
    expect(await durable).toBe(1);
    expect(db.counters.commits - before).toBe(1);
    expect(await raw(identity.logId)).toBe("hello\n");
    expect(await logRow(identity.logId)).toMatchObject({
      state: "open",
      line_count: 1,
      byte_count: 6,
      created_at: identity.logCreatedAt,
    });
    log.append("stdout", bytes("line"));
    expect(await log.finish()).toMatchObject({ lineCount: 2, byteCount: 18 });
    expect(await raw(identity.logId)).toBe("hello\nhalf a line\n");
  });

  it("keeps streams apart and in the order in which their lines became whole", async () => {
    const { build, identity } = await newLog();
    const log = new LogWriter(db).open(identity, build);
    log.append("header", bytes("run\n"));
    log.append("stdout", bytes("one, "));
    log.append("stderr", bytes("oh\r\n"));
    log.append("stdout", bytes("two\n"));
    await log.finish();
    expect(await readLines(db, identity.logId, 0, 10)).toEqual([
      { number: 0, stream: "header", text: "run" },
      { number: 1, stream: "stderr", text: "oh" },
      { number: 2, stream: "stdout", text: "one, two" },
    ]);
  });

  it("stores text logs without prefixes, NUL bytes and invalid UTF-8 readably", async () => {
    const { build, identity } = await newLog("t");
    const log = new LogWriter(db).open(identity, build);
    log.append("stdout", Buffer.from([0x61, 0x00, 0x62, 0xff, 0x0a, 0xc3]));
    log.append("stdout", Buffer.from([0xa9, 0x0a]));
    await log.finish();
    expect(await raw(identity.logId)).toBe("a\0b\ufffd\né\n");
    expect(await readLines(db, identity.logId, 1, 1)).toEqual([
      { number: 1, stream: "stdout", text: "é" },
    ]);
  });

  it("splits a long log into chunks and finds any range of it", async () => {
    const { build, identity } = await newLog();
    const log = new LogWriter(db).open(identity, build);
    const count = 25_000;
    for (let first = 0; first < count; first += 500) {
      const lines = Array.from({ length: 500 }, (_, n) => `line ${first + n}\n`).join("");
      await log.append("stdout", bytes(lines));
    }
    await log.finish();
    const chunks = await db.rows<{ first_line: number; line_count: number; byte_count: number }>(
      "select first_line, line_count, byte_count from log_chunk where log_id = $1 order by first_line",
      [identity.logId],
    );
    expect(Math.max(...chunks.map((chunk) => chunk.line_count))).toBeLessThanOrEqual(1000);
    expect(chunks.reduce((sum, chunk) => sum + chunk.line_count, 0)).toBe(count);
    for (const from of [0, 999, 1000, 12_345, 24_990]) {
      const lines = await readLines(db, identity.logId, from, 2500);
      expect(lines.length).toBe(Math.min(2500, count - from));
      expect(lines.every((line, n) => line.number === from + n)).toBe(true);
      expect(lines.every((line) => line.text === `line ${line.number}`)).toBe(true);
    }
    expect((await raw(identity.logId)).split("\n").length - 1).toBe(count);
  });

  it("writes many logs in one statement", async () => {
    const logs = await Promise.all(Array.from({ length: 20 }, () => newLog()));
    const writer = new LogWriter(db);
    const before = db.counters.commits;
    const open = logs.map(({ build, identity }) => writer.open(identity, build));
    open.forEach((log, n) => {
      log.append("stdout", bytes(`log ${n}\n`));
    });
    await writer.flush();
    expect(db.counters.commits - before).toBe(1);
    for (const [n, { identity }] of logs.entries()) {
      expect(await raw(identity.logId)).toBe(`log ${n}\n`);
    }
  });

  it("hides the values of secrets before they are stored", async () => {
    const { build, identity } = await newLog();
    const redactor = Redactor.of([{ name: "token", value: "s3cr3t-value" }]);
    const log = new LogWriter(db).open(identity, build, { redactor });
    log.append("stdout", bytes("using s3cr3t-"));
    log.append("stdout", bytes("value now\n"));
    await log.finish();
    expect(await raw(identity.logId)).toBe("using <token> now\n");
  });

  it("holds its caller back while too much is unflushed", async () => {
    const { build, identity } = await newLog();
    const held: (() => void)[] = [];
    const gate = new Promise<void>((resolve) => held.push(resolve));
    const slow: Queryable = {
      rows: async (statement, values) => {
        await gate;
        return db.rows(statement, values);
      },
    };
    const log = new LogWriter(slow).open(identity, build);
    const piece = bytes(`${"x".repeat(99)}\n`.repeat(500));
    let pressure = log.append("stdout", piece);
    let pieces = 1;
    while (!pressure && pieces < 100) {
      pressure = log.append("stdout", piece);
      pieces += 1;
    }
    expect(pressure).toBeInstanceOf(Promise);
    expect(log.unflushedBytes).toBeLessThan(2.2 * 1024 * 1024);
    for (const release of held) release();
    await pressure;
    await log.finish();
    expect(log.durableLineCount).toBe(pieces * 500);
  });

  it("keeps the beginning and the end of a log that grows too long", async () => {
    const { build, identity } = await newLog();
    const limits = { maxSizeBytes: 1000, maxTailBytes: 200 };
    const log = new LogWriter(db).open(identity, build, { limits });
    for (let n = 0; n < 500; n += 1) log.append("stdout", bytes(`line ${n}\n`));
    const counts = await log.finish();
    const lines = await readLines(db, identity.logId, 0, 1000);
    const headers = lines.filter((line) => line.stream === "header");
    expect(headers.map((line) => line.text)).toEqual([
      "This log has reached its limit of 1000 bytes. Of what follows, only the last 200 bytes will be kept.",
      expect.stringMatching(new RegExp(`^${counts.cutLines} lines \\(.*\\) left out here\\.$`)),
    ]);
    expect(counts.cutAtLine).toBe(headers[0]?.number);
    expect(lines[0]?.text).toBe("line 0");
    expect(lines[lines.length - 1]?.text).toBe("line 499");
    expect(lines.length - 2 + counts.cutLines).toBe(500);
    expect(await logRow(identity.logId)).toMatchObject({
      cut_lines: counts.cutLines,
      cut_at_line: counts.cutAtLine,
    });
  });
});

describe("ownership", () => {
  it("changes nothing once the build has another epoch, and says so", async () => {
    const { build, identity } = await newLog();
    const other = await newLog();
    const writer = new LogWriter(db);
    const lost: Error[] = [];
    const log = writer.open(identity, build, { onLost: (error) => lost.push(error) });
    const bystander = writer.open(other.identity, other.build);
    log.append("stdout", bytes("mine\n"));
    await log.flush();
    await db.rows("update build set owner_epoch = 2 where id = $1", [build.buildId]);
    log.append("stdout", bytes("not mine\n"));
    bystander.append("stdout", bytes("still mine\n"));
    await expect(log.flush()).rejects.toBeInstanceOf(FencedError);
    await bystander.flush();
    expect(lost).toHaveLength(1);
    expect(log.append("stdout", bytes("dropped\n"))).toBeUndefined();
    expect(await raw(identity.logId)).toBe("mine\n");
    expect(await raw(other.identity.logId)).toBe("still mine\n");
    expect(writer.unflushedBytes).toBe(0);
  });

  it("does not touch a log that is finished", async () => {
    const { build, identity } = await newLog();
    const log = new LogWriter(db).open(identity, build);
    log.append("stdout", bytes("one\n"));
    await log.flush();
    await db.rows("update log set state = 'finished' where id = $1", [identity.logId]);
    log.append("stdout", bytes("two\n"));
    await expect(log.flush()).rejects.toBeInstanceOf(FencedError);
    expect(await raw(identity.logId)).toBe("one\n");
  });

  it("finds out when somebody else's lines stand in the place of its own", async () => {
    const { build, identity } = await newLog();
    const first = new LogWriter(db).open(identity, build);
    first.append("stdout", bytes("first\n"));
    await first.flush();
    const second = new LogWriter(db).open(identity, build);
    second.append("stdout", bytes("other\n"));
    await expect(second.flush()).rejects.toBeInstanceOf(LogConflictError);
    expect(await raw(identity.logId)).toBe("first\n");
  });

  it("carries on where another process stopped", async () => {
    const { build, identity } = await newLog();
    const first = new LogWriter(db).open(identity, build);
    first.append("stdout", bytes("first\n"));
    const resume = await first.finish();
    const second = new LogWriter(db).open(identity, build, { resume });
    second.append("stdout", bytes("second\n"));
    expect(await second.finish()).toMatchObject({ lineCount: 2, byteCount: 13 });
    expect(await raw(identity.logId)).toBe("first\nsecond\n");
  });
});

describe("the last chunks in the engine's own statement", () => {
  it("need one commit for a short log: row, lines and end", async () => {
    const { build, identity } = await newLog();
    const log = new LogWriter(db).open(identity, build);
    log.append("stdout", bytes("all there is"));
    const before = db.counters.commits;
    const final = await log.takeFinal();
    expect(final).toMatchObject({ isRowWritten: false, counts: { lineCount: 1, byteCount: 13 } });
    const batch = new Batch(build.orgId)
      .fenced(build)
      .create("log", "log", "finished", finalColumns(final), { reason: "ended", actor: "test" });
    addFinalChunks(batch, "log_lines", final);
    await batch.commit(db);
    expect(db.counters.commits - before).toBe(1);
    expect(await raw(identity.logId)).toBe("all there is\n");
    expect(await logRow(identity.logId)).toMatchObject({ state: "finished", line_count: 1 });
  });

  it("follow what was written before", async () => {
    const { build, identity } = await newLog();
    const log = new LogWriter(db).open(identity, build);
    log.append("stdout", bytes("one\n"));
    await log.flush();
    log.append("stdout", bytes("two\n"));
    const final = await log.takeFinal();
    expect(final.isRowWritten).toBe(true);
    const batch = new Batch(build.orgId).fenced(build).move("log", "log", identity.logId, {
      from: "open",
      to: "finished",
      set: finalColumns(final),
      reason: "ended",
      actor: "test",
    });
    addFinalChunks(batch, "log_lines", final);
    await batch.commit(db);
    expect(await raw(identity.logId)).toBe("one\ntwo\n");
    expect(await logRow(identity.logId)).toMatchObject({ line_count: 2, byte_count: 8 });
  });

  it("wait for a write under way and never contain its lines", async () => {
    const { build, identity } = await newLog();
    const writer = new LogWriter(db);
    const log = writer.open(identity, build);
    log.append("stdout", bytes("one\n"));
    const flushed = log.flush();
    log.append("stdout", bytes("two\n"));
    const final = await log.takeFinal();
    await flushed.catch(() => {});
    const stored = (await raw(identity.logId)).split("\n").length - 1;
    const rest = final.chunks.reduce((sum, chunk) => sum + chunk.lineCount, 0);
    expect(stored + rest).toBe(2);
    expect(writer.unflushedBytes).toBe(0);
  });
});

describe("an outage of the database", () => {
  it("loses and doubles nothing, even when an answer is lost after the commit", async () => {
    const { build, identity } = await newLog();
    let calls = 0;
    const outage = Object.assign(new Error("terminating connection"), { code: "57P01" });
    const flaky: Queryable = {
      async rows<R>(statement: Parameters<Queryable["rows"]>[0], values?: readonly unknown[]) {
        calls += 1;
        // Refused; done but not answered; tried again; compared.
        if (calls % 4 === 1) throw new Error("connect ECONNREFUSED");
        const rows = await db.rows<R>(statement, values);
        if (calls % 4 === 2) throw outage;
        return rows;
      },
    };
    const retries: unknown[] = [];
    const writer = new LogWriter(flaky, { onRetry: (error) => retries.push(error) });
    const log = writer.open(identity, build);
    for (let n = 0; n < 3; n += 1) {
      log.append("stdout", bytes(`line ${n}\n`));
      await log.flush();
    }
    expect(retries).toHaveLength(6);
    expect(await raw(identity.logId)).toBe("line 0\nline 1\nline 2\n");
    expect(await log.finish()).toMatchObject({ lineCount: 3 });
  });

  it("costs one log only when the fault is its own", async () => {
    const good = await newLog();
    const bad = await newLog();
    const writer = new LogWriter(db);
    const broken = writer.open({ ...bad.identity, name: "a\0b" }, bad.build);
    const log = writer.open(good.identity, good.build);
    broken.append("stdout", bytes("lost\n"));
    log.append("stdout", bytes("kept\n"));
    await expect(Promise.all([broken.flush(), log.flush()])).rejects.toThrow();
    await log.flush();
    expect(await raw(good.identity.logId)).toBe("kept\n");
  });
});

describe("given again from the beginning", () => {
  const limits = { maxSizeBytes: 6_000, maxTailBytes: 2_000 };
  const redactor = Redactor.of([{ name: "token", value: "s3cret-value" }]);
  const STREAMS = ["stdout", "stderr", "header"] as const;
  type Piece = readonly [stream: (typeof STREAMS)[number], bytes: Buffer];

  function somePieces(random: SeededRandom, count: number): Piece[] {
    const words = [
      "line\n",
      "s3cret-value ",
      "\r",
      "\b\b",
      "é",
      "\n",
      "x".repeat(70),
      "\x1b[2J",
      "\r\n",
    ];
    return Array.from({ length: count }, () => {
      const text = Array.from({ length: 1 + random.below(6) }, () => words[random.below(9)]).join(
        "",
      );
      const bad = random.below(8) === 0 ? [Buffer.from([0xc3, 0x28, 10])] : [];
      const stream = STREAMS[random.below(3)] as Piece[0];
      return [stream, Buffer.concat([Buffer.from(text), ...bad])];
    });
  }

  /** The same bytes of each stream in the same order, with neighbours put together or cut. */
  function otherwiseCut(random: SeededRandom, pieces: readonly Piece[]): Piece[] {
    const cut: Piece[] = [];
    for (const [stream, all] of pieces) {
      const last = cut.at(-1);
      if (last?.[0] === stream) cut[cut.length - 1] = [stream, Buffer.concat([last[1], all])];
      else {
        const at = random.below(all.length + 1);
        cut.push([stream, all.subarray(0, at)], [stream, all.subarray(at)]);
      }
    }
    return cut;
  }

  const all = async (logId: LogId) => readLines(db, logId, 0, 10_000);

  it.each([1, 2, 3, 4, 5, 6])(
    "stores each line once, however far it had come (seed %i)",
    async (seed) => {
      const random = seededRandom(seed);
      // Some stay whole, some are cut because they are too long.
      const pieces = somePieces(random, seed % 2 === 0 ? 400 : 60);
      const whole = await newLog();
      const reference = new LogWriter(db).open(whole.identity, whole.build, { limits, redactor });
      for (const [stream, text] of pieces) await reference.append(stream, text);
      await reference.finish();

      const { build, identity } = await newLog();
      let again: { lineCount: number; byteCount: number } | undefined;
      for (const share of [random.below(pieces.length), random.below(pieces.length), null]) {
        const writer = new LogWriter(db);
        const log = writer.open(identity, build, { limits, redactor, ...(again && { again }) });
        const given = share === null ? pieces : pieces.slice(0, share);
        const half = Math.floor(given.length / 2);
        for (const [index, [stream, text]] of otherwiseCut(random, given).entries()) {
          await log.append(stream, text);
          if (index === half) await log.flush();
        }
        if (share === null) await log.finish();
        // As when the process is killed.
        else writer.abort();
        const row = await logRow(identity.logId);
        again = row && { lineCount: row.line_count, byteCount: row.byte_count };
        if (share === null) expect(log.awaitedLines).toBe(0);
      }
      expect(await all(identity.logId)).toEqual(await all(whole.identity.logId));
      const { line_count, byte_count, cut_lines, cut_at_line } = (await logRow(
        whole.identity.logId,
      )) as NonNullable<Awaited<ReturnType<typeof logRow>>>;
      expect(await logRow(identity.logId)).toMatchObject({
        ...{ line_count, byte_count, cut_lines, cut_at_line },
      });
    },
  );
});
