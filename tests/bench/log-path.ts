/**
 * What the log path costs: a million lines of 80 bytes in packets of 49 kB, as a worker sends them.
 *
 *   npx tsx tests/bench/log-path.ts            assembly and redaction alone
 *   npx tsx tests/bench/log-path.ts <url>      and to durable rows in a migrated scratch database
 */
import { performance } from "node:perf_hooks";
import { openDatabase } from "../../server/db/pool";
import { LogIds, LogWriter, Redactor, readLines, readRaw } from "../../server/logs";
import { cleanLines } from "../../server/logs/write/clean-lines";
import { LineAssembler } from "../../server/logs/write/line-assembler";
import { createBuildRow } from "../support/build-rows";

const LINES = 1_000_000;
const LINES_PER_PACKET = 614;

function packets(): Buffer[] {
  const all: Buffer[] = [];
  for (let first = 0; first < LINES; first += LINES_PER_PACKET) {
    let text = "";
    for (let n = first; n < Math.min(LINES, first + LINES_PER_PACKET); n += 1) {
      text +=
        `[${n}/${LINES}] Building CXX object src/part${n % 97}/file${(n * 7919) % 10007}.cpp.o`
          .padEnd(79, ".")
          .concat("\n");
    }
    all.push(Buffer.from(text));
  }
  return all;
}

function report(what: string, cpuMicros: number, wallMs: number): void {
  const perSecond = Math.round(LINES / (cpuMicros / 1e6)).toLocaleString("en");
  console.log(
    `${what.padEnd(42)} ${wallMs.toFixed(0).padStart(6)} ms wall ${(cpuMicros / 1000).toFixed(0).padStart(6)} ms CPU ${perSecond.padStart(12)} lines/s of CPU`,
  );
}

function assembly(input: readonly Buffer[], redactor: Redactor | null, what: string): void {
  for (let round = 0; round < 2; round += 1) {
    const assembler = new LineAssembler("o".charCodeAt(0));
    const cpu = process.cpuUsage();
    const start = performance.now();
    let lines = 0;
    for (const packet of input) lines += cleanLines(assembler.push(packet), 1, redactor).count;
    const used = process.cpuUsage(cpu);
    if (lines !== LINES) throw new Error(`${lines} lines`);
    if (round === 1) report(what, used.user + used.system, performance.now() - start);
  }
}

async function durable(input: readonly Buffer[], url: string): Promise<void> {
  const db = openDatabase({ url, max: 2, name: "bench", onError: console.error });
  const ids = new LogIds(db);
  for (let round = 0; round < 3; round += 1) {
    const build = await createBuildRow(db, (Date.now() % 1e9) + round);
    const logId = await ids.next();
    const writer = new LogWriter(db);
    const log = writer.open(
      { ...build, logId, name: "stdio", slug: "stdio", type: "s", logCreatedAt: new Date() },
      build,
    );
    const loop = performance.eventLoopUtilization();
    const cpu = process.cpuUsage();
    const start = performance.now();
    for (const packet of input) {
      const pressure = log.append("stdout", packet);
      if (pressure) await pressure;
    }
    await log.finish();
    const wall = performance.now() - start;
    const used = process.cpuUsage(cpu);
    const busy = performance.eventLoopUtilization(loop);
    report("to durable rows (all threads)", used.user + used.system, wall);
    report("  of it on the main thread", busy.active * 1000, wall);
    const [row] = await db.rows<{ chunks: number; bytes: number }>(
      "select count(*) as chunks, sum(length(data)) as bytes from log_chunk where log_id = $1",
      [logId],
    );
    console.log(`  ${row?.chunks} chunks, ${row?.bytes} bytes stored`);
    const readStart = performance.now();
    let bytes = 0;
    for await (const part of readRaw(db, logId)) bytes += part.length;
    console.log(`  raw: ${bytes} bytes in ${(performance.now() - readStart).toFixed(0)} ms`);
    const rangeStart = performance.now();
    for (let n = 0; n < 100; n += 1) await readLines(db, logId, (n * 9973) % LINES, 200);
    console.log(`  200 lines anywhere: ${((performance.now() - rangeStart) / 100).toFixed(2)} ms`);
    await db.rows("delete from log_chunk where log_id = $1", [logId]);
  }
  await db.end();
}

const input = packets();
assembly(input, null, "assembly, prefixes, UTF-8 check");
const secrets = Array.from({ length: 10 }, (_, n) => ({
  name: `secret${n}`,
  value: `k${n}-9f8e7d6c5b4a3f2e1d0c${n}`,
}));
assembly(input, Redactor.of(secrets), "the same with 10 secrets in all forms");
const short = [{ name: "short", value: "hunter" }];
assembly(input, Redactor.of(short), "the same with one secret of 6 bytes");
const url = process.argv[2];
if (url) await durable(input, url);
