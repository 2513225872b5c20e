/**
 * `npm run bench`: Slipway, Debian's Buildbot 3.7 and a null master, in one run on this machine, in
 * turns, with the same real Python workers. Prints a table; each sample is a line of JSON in a file.
 */
import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { cpus, loadavg, totalmem } from "node:os";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { projectRoot } from "../../server/env";
import { type BuildbotWorker, MSGPACK, startBuildbotWorker } from "../support/buildbot-worker";
import { hasBuildbot, startBuildbotPeer } from "./buildbot";
import { measureCommits } from "./commits";
import { measureDocker } from "./docker";
import { attachIdle, settledKilobytes } from "./idle";
import { measureLive } from "./live";
import { startNullPeer } from "./null";
import { measureOnDemand } from "./on-demand";
import {
  cpuSeconds,
  difference,
  idlePlan,
  MANY,
  megabytes,
  PASSWORD,
  type Peer,
  type Plan,
  plan,
  total,
} from "./peer";
import { type Sample, table } from "./report";
import { startSlipwayPeer } from "./slipway";

const PARTS = [
  "latency",
  "throughput",
  "log",
  "idle",
  "live",
  "commits",
  "docker",
  "on-demand",
] as const;
type Part = (typeof PARTS)[number];

const HELP = `npm run bench -- [options]

  --quick          fewer rounds and smaller ones: does it work, not how fast is it
  --only PART      ${PARTS.join(", ")}; may be given several times
  --protocol NAME  pb (default) or msgpack: what real workers speak in latency, throughput, log and live
  --peer NAME      slipway, buildbot or null; may be given several times
  --rounds N       instead of 5 (latency, log) and 3 (throughput)
  --idle N         so many idle workers at once; may be given several times
  --out FILE       JSON lines; default: a new file in .slipway-bench
`;

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string", multiple: true, default: [...PARTS] },
    peer: { type: "string", multiple: true, default: ["slipway", "buildbot", "null"] },
    protocol: { type: "string", default: "pb" },
    rounds: { type: "string" },
    idle: { type: "string", multiple: true },
    out: { type: "string" },
    help: { type: "boolean", short: "h", default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
const only = values.only as Part[];
const unknown = only.find((part) => !PARTS.includes(part));
if (unknown) {
  console.error(`there is no part "${unknown}"\n\n${HELP}`);
  process.exit(64);
}
if (values.protocol !== "pb" && values.protocol !== "msgpack") {
  console.error(`there is no protocol "${values.protocol}"\n\n${HELP}`);
  process.exit(64);
}
const protocol: "pb" | "msgpack" = values.protocol;
const protocolArgs = protocol === "msgpack" ? [MSGPACK] : [];
const size = values.quick
  ? {
      builds: 10,
      queued: 60,
      lines: 100_000,
      often: 2,
      seldom: 1,
      counted: 5,
      printed: 20,
      contained: 3,
    }
  : {
      builds: 30,
      queued: 500,
      lines: 1_000_000,
      often: 5,
      seldom: 3,
      counted: 20,
      printed: 200,
      contained: 15,
    };
/** Workers that come one by one come so far apart. */
const PACE_MS = 20;
const IDLE = values.idle?.map(Number) ?? (values.quick ? [20, 50, 100] : [200, 500, 1_000]);
const rounds = (usual: number) => Number(values.rounds ?? usual);
const root = projectRoot();
const stamp = new Date().toISOString().replaceAll(/[:.]/g, "-").slice(0, 19);
const out = resolve(values.out ?? join(root, `.slipway-bench/${stamp}.jsonl`));
const WARM_UPS = 3;
const LAST_LINE = `${String(size.lines - 1).padStart(9, "0")} `;

const samples: Sample[] = [];
/** Undone in reverse order, however the run ends. */
const cleanups: (() => Promise<unknown>)[] = [];

function keep(sample: Omit<Sample, "load">): void {
  const whole = { ...sample, load: Math.round((loadavg()[0] as number) * 100) / 100 };
  samples.push(whole);
  appendFileSync(out, `${JSON.stringify(whole)}\n`);
  const { what, peer, value, unit } = whole;
  console.log(`${what}, ${peer}: ${value.toFixed(1)} ${unit} (load ${whole.load})`);
}

async function startPeers(setup: Plan): Promise<Peer[]> {
  const starts: Record<string, () => Promise<Peer>> = {
    slipway: () => startSlipwayPeer(setup),
    buildbot: () => startBuildbotPeer(setup),
    null: () => startNullPeer(setup, join(root, ".slipway-bench/programs/null-master.js")),
  };
  const peers: Peer[] = [];
  for (const name of values.peer) {
    const start = starts[name];
    if (!start) throw new Error(`there is no peer "${name}"`);
    if (name === "buildbot" && !hasBuildbot()) {
      console.log("buildbot is left out: /usr/bin/buildbot is missing (Debian package buildbot)");
      continue;
    }
    // The null master speaks one protocol and tells nothing of idle workers.
    const isIdle = setup.builders.some((builder) => builder.name === "idle");
    if (name === "null" && (protocol !== "pb" || isIdle)) continue;
    const peer = await start();
    cleanups.push(() => peer.stop());
    peers.push(peer);
  }
  return peers;
}

/** Workers of these names at each peer, connected. */
async function attach(peers: readonly Peer[], names: readonly string[]): Promise<void> {
  for (const peer of peers) {
    const started: BuildbotWorker[] = [];
    cleanups.push(() => Promise.all(started.map((worker) => worker.stop())));
    for (const name of names) {
      const where = { host: "127.0.0.1", port: peer.workerPorts[protocol] as number };
      const login = { name, password: PASSWORD, args: protocolArgs };
      started.push(await startBuildbotWorker({ ...where, ...login }));
    }
    for (;;) {
      const connected = new Set(await peer.connected());
      if (names.every((name) => connected.has(name))) break;
      await new Promise((next) => setTimeout(next, 100));
    }
  }
}

/** Each round begins with another peer. */
async function inTurns(
  peers: readonly Peer[],
  count: number,
  measure: (peer: Peer, round: number) => Promise<void>,
): Promise<void> {
  for (let round = 0; round < count; round += 1) {
    for (let turn = 0; turn < peers.length; turn += 1) {
      await measure(peers[(round + turn) % peers.length] as Peer, round);
    }
  }
}

async function build(peer: Peer, builder: string): Promise<number> {
  const from = performance.now();
  const id = await peer.trigger(builder);
  await peer.finished(id);
  const took = performance.now() - from;
  await mustBeGreen(peer, [id]);
  return took;
}

async function mustBeGreen(peer: Peer, ids: readonly number[]): Promise<void> {
  for (const id of ids) {
    const result = await peer.result(id);
    if (result !== 0) throw new Error(`${peer.name}: request ${id} ended with result ${result}`);
  }
}

const median = (numbers: readonly number[]) =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;

async function latency(peers: readonly Peer[]): Promise<void> {
  await inTurns(peers, rounds(size.often), async (peer, round) => {
    for (let n = 0; n < WARM_UPS; n += 1) await build(peer, "trivial");
    const took: number[] = [];
    const ids: number[] = [];
    const before = cpuSeconds(peer.processes());
    for (let n = 0; n < size.builds; n += 1) {
      const from = performance.now();
      const id = await peer.trigger("trivial");
      await peer.finished(id);
      took.push(performance.now() - from);
      ids.push(id);
    }
    const used = difference(cpuSeconds(peer.processes()), before);
    await mustBeGreen(peer, ids);
    const common = { peer: peer.name, round };
    keep({ ...common, what: "latency", value: median(took), unit: "ms", all: took });
    const milliseconds = (1_000 * total(used)) / size.builds;
    keep({ ...common, what: "cpu", value: milliseconds, unit: "ms a build", parts: used });
  });
}

async function throughput(
  peers: readonly Peer[],
  what: "few" | "many",
  workers: readonly string[],
): Promise<void> {
  await inTurns(peers, rounds(size.seldom), async (peer, round) => {
    await build(peer, `${what}-0`);
    await peer.pause(workers, true);
    const ids: number[] = [];
    for (let n = 0; n < size.queued; n += 1) ids.push(await peer.trigger(`${what}-${n % 4}`));
    const before = cpuSeconds(peer.processes());
    const from = performance.now();
    const done = Promise.all(ids.map((id) => peer.finished(id)));
    await peer.pause(workers, false);
    await done;
    const minutes = (performance.now() - from) / 60_000;
    const used = difference(cpuSeconds(peer.processes()), before);
    await mustBeGreen(
      peer,
      ids.filter((_, index) => index % 25 === 0),
    );
    const common = { peer: peer.name, round };
    keep({ ...common, what, value: size.queued / minutes, unit: "builds a minute" });
    const milliseconds = (1_000 * total(used)) / size.queued;
    keep({ ...common, what: `${what}-cpu`, value: milliseconds, unit: "ms a build", parts: used });
  });
}

async function log(peers: readonly Peer[]): Promise<void> {
  await inTurns(peers, rounds(size.often), async (peer, round) => {
    const before = cpuSeconds(peer.processes());
    const from = performance.now();
    const id = await peer.trigger("lines");
    await peer.finished(id);
    while (!(await peer.isReadable(id, LAST_LINE))) {
      await new Promise((next) => setTimeout(next, 20));
    }
    const seconds = (performance.now() - from) / 1_000;
    const used = difference(cpuSeconds(peer.processes()), before);
    await mustBeGreen(peer, [id]);
    const common = { peer: peer.name, round };
    keep({ ...common, what: "log", value: size.lines / seconds, unit: "lines a second" });
    keep({ ...common, what: "log-cpu", value: total(used), unit: "s", parts: used });
  });
}

async function idle(): Promise<void> {
  const peers = await startPeers(idlePlan(Math.max(...IDLE)));
  const before = new Map<Peer, number>();
  for (const peer of peers) {
    // What a process took to start, and for its first burst, is no worker's.
    await attachIdle(peer, Math.min(...IDLE));
    before.set(peer, await settledKilobytes(peer));
  }
  for (const count of IDLE) {
    for (const peer of peers) {
      const { seconds, refused, cpu, residentKilobytes } = await attachIdle(peer, count);
      if (refused > 0) console.log(`${peer.name}: ${refused} connections came again`);
      const common = { peer: peer.name, round: 0 };
      keep({ ...common, what: `attach ${count}`, value: seconds, unit: "s" });
      keep({ ...common, what: `attach-cpu ${count}`, value: total(cpu), unit: "s", parts: cpu });
      const each = (residentKilobytes - (before.get(peer) as number)) / count;
      keep({ ...common, what: `idle memory ${count}`, value: each, unit: "kB a worker" });
    }
  }
  const most = Math.max(...IDLE);
  for (const peer of peers) {
    const { cpu, medianMs } = await attachIdle(peer, most, PACE_MS);
    const common = { peer: peer.name, round: 0 };
    keep({ ...common, what: `paced ${most}`, value: medianMs, unit: "ms" });
    keep({ ...common, what: `paced-cpu ${most}`, value: total(cpu), unit: "s", parts: cpu });
  }
  await cleanUp();
}

async function live(): Promise<void> {
  const ages = (await measureLive(size.printed, protocolArgs)).sort((a, b) => a - b);
  const at = (share: number) => ages[Math.floor((ages.length - 1) * share)] as number;
  const common = { peer: "slipway", round: 0, unit: "ms", all: ages };
  keep({ ...common, what: "live p50", value: at(0.5) });
  keep({ ...common, what: "live p99", value: at(0.99) });
}

async function docker(): Promise<void> {
  for (const { kind, latent, byHand } of (await measureDocker(size.contained)) ?? []) {
    const common = { peer: "slipway", round: 0, unit: "ms" };
    const [made, hand] = [median(latent), median(byHand)];
    keep({ ...common, what: `docker ${kind}`, value: made, all: latent });
    keep({ ...common, what: `docker by hand ${kind}`, value: hand, all: byHand });
    keep({ ...common, what: `docker ratio ${kind}`, value: made / hand, unit: "times" });
  }
}

async function onDemand(): Promise<void> {
  const { allAsked, cpu, ...parts } = await measureOnDemand(size.contained);
  const common = { peer: "slipway", round: 0, unit: "ms" };
  for (const [what, all] of Object.entries(parts)) {
    keep({ ...common, what: `on demand ${what}`, value: median(all), all });
  }
  keep({ ...common, what: "on demand all asked", value: allAsked });
  keep({ ...common, what: "on demand cpu", value: total(cpu), parts: cpu });
  for (const what of ["during", "beside"] as const) {
    const value = median(parts[what]) / median(parts.alone);
    keep({ ...common, what: `on demand ${what} ratio`, value, unit: "times" });
  }
}

async function main(): Promise<void> {
  mkdirSync(dirname(out), { recursive: true });
  writeFileSync(
    out,
    `${JSON.stringify({ at: new Date().toISOString(), cores: cpus().length, cpu: cpus()[0]?.model, memory: totalmem(), node: process.version, quick: values.quick, protocol, load: loadavg() })}\n`,
  );
  if (only.some((part) => ["latency", "throughput", "log"].includes(part))) {
    const print = join(root, "tests/bench/print-lines.py");
    const peers = await startPeers(plan(["/usr/bin/python3", print, String(size.lines)]));
    await attach(peers, ["w1"]);
    if (only.includes("latency")) await latency(peers);
    if (only.includes("log")) await log(peers);
    if (only.includes("throughput")) {
      await throughput(peers, "few", ["w1"]);
      await attach(peers, MANY);
      await throughput(peers, "many", MANY);
    }
    for (const peer of peers) {
      const parts = megabytes(peer.processes());
      keep({ what: "memory", peer: peer.name, round: 0, value: total(parts), unit: "MB", parts });
    }
    await cleanUp();
  }
  if (only.includes("idle")) await idle();
  if (only.includes("live")) await live();
  if (only.includes("docker")) await docker();
  if (only.includes("on-demand")) await onDemand();
  if (only.includes("commits")) {
    for (const [what, value] of Object.entries(await measureCommits(size.counted))) {
      keep({ what, peer: "slipway", round: 0, value, unit: "a build" });
    }
  }
  console.log(`\n${table(samples, size)}\n\nsamples: ${out}`);
}

async function cleanUp(): Promise<void> {
  for (let undo = cleanups.pop(); undo; undo = cleanups.pop()) {
    await undo().catch((error: unknown) => console.error(error));
  }
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void cleanUp().finally(() => process.exit(130)));
}
// Nothing that was started may outlive this, whatever goes wrong.
process.once("uncaughtException", (error) => {
  console.error(error);
  void cleanUp().finally(() => process.exit(1));
});
try {
  await main();
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  await cleanUp();
}
process.exit();
