/**
 * Workers that do nothing but connect: simulated ones, all at once, and how long it takes until the
 * last is attached, and what each costs the process that holds its connection.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Dictionary, Remote } from "../../server/protocols/pb/codec";
import { PbPeer } from "../support/pb-peer";
import { cpuSeconds, difference, HOLDERS, PASSWORD, type Peer, residentKilobytes } from "./peer";

/** What is freed when nothing happens any more is freed by then. */
const SETTLE_MS = 3_000;
/** A connection that is refused comes again, as real workers do. */
const AGAIN_MS = 1_000;

const INFO = new Dictionary([
  ["version", "3.7.0"],
  ["system", "posix"],
  ["basedir", "/w"],
  ["numcpus", 2],
  ["environ", new Dictionary([["PATH", "/usr/bin:/bin"]])],
  ["worker_commands", new Dictionary([["shell", "3.1"]])],
]);

export interface Idle {
  readonly seconds: number;
  /** Connections that had to come again. */
  readonly refused: number;
  /** From its connection to the end of its login, of the worker in the middle. */
  readonly medianMs: number;
  /** Of the server, until all were attached, by process. */
  readonly cpu: Readonly<Record<string, number>>;
  readonly residentKilobytes: number;
}

/** @param everyMs between one worker and the next; 0: all at once */
export async function attachIdle(peer: Peer, count: number, everyMs = 0): Promise<Idle> {
  const workers: PbPeer[] = [];
  let refused = 0;
  const before = cpuSeconds(peer.processes());
  const from = performance.now();
  const each: number[] = [];
  const attach = async (name: string): Promise<void> => {
    const begun = performance.now();
    for (;;) {
      const worker = PbPeer.connect(peer.workerPorts.pb);
      worker.answer = (call) => (call.method === "getWorkerInfo" ? INFO : undefined);
      const answer = await worker.login(name, PASSWORD).catch(() => null);
      if (answer instanceof Remote) {
        workers.push(worker);
        each.push(performance.now() - begun);
        return;
      }
      refused++;
      worker.end();
      await sleep(AGAIN_MS);
    }
  };
  const attaching: Promise<void>[] = [];
  for (let index = 0; index < count; index++) {
    attaching.push(attach(`idle${index}`));
    if (everyMs > 0) await sleep(everyMs);
  }
  await Promise.all(attaching);
  const seconds = (performance.now() - from) / 1_000;
  const cpu = difference(cpuSeconds(peer.processes()), before);
  const resident = await settledKilobytes(peer);
  for (const worker of workers) worker.end();
  while ((await peer.connected()).length > 0) await sleep(100);
  const medianMs = each.sort((a, b) => a - b)[each.length >> 1] ?? Number.NaN;
  return { seconds, refused, medianMs, cpu, residentKilobytes: resident };
}

/** Of the process that holds the connections, its garbage collected. */
export async function settledKilobytes(peer: Peer): Promise<number> {
  await sleep(SETTLE_MS);
  await peer.collectGarbage();
  await sleep(SETTLE_MS);
  return holderKilobytes(peer);
}

function holderKilobytes(peer: Peer): number {
  const [pid] = peer.processes()[HOLDERS[peer.name]] ?? [];
  if (pid === undefined) throw new Error(`${peer.name} has no process that holds workers`);
  return residentKilobytes(pid);
}
