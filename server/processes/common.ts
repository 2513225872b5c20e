/** What `socket` and `jobs` have in common: the database, the lease, the bus, the queues. */
import { hostname } from "node:os";
import { createInsist, type Insist } from "../db/insist";
import { type Database, openDatabase } from "../db/pool";
import { holdLease, type Lease } from "../engine";
import type { ProcessEnv } from "../env";
import { type Announcer, type Bus, createAnnouncer, openBus } from "../events/bus";
import { createProducer, type Producer } from "../queues/producer";
import { createLog, type Log } from "../telemetry/log";

export interface EngineProcess {
  readonly env: ProcessEnv;
  readonly log: Log;
  readonly db: Database;
  readonly lease: Lease;
  readonly fenced: AbortSignal;
  readonly bus: Bus;
  readonly announcer: Announcer;
  readonly producer: Producer;
  readonly insist: Insist;
  /** For the history: `socket 12`. */
  readonly actor: string;
  /** In order: announcements, queue, lease, database. */
  close(reason: string): Promise<void>;
}

/** Waits for the database as long as it takes. */
export async function openEngineProcess(
  kind: "socket" | "jobs",
  env: ProcessEnv,
): Promise<EngineProcess> {
  const log = createLog(
    (line) => console.error(line),
    () => new Date(),
  );
  const onError = (error: unknown) => log(`${kind} process`, { error });
  const db = openDatabase({ url: env.databaseUrl, max: 12, name: kind, onError });
  const abort = new AbortController();
  const insist = createInsist({
    fenced: abort.signal,
    onRetry: (what, error) => log("database away, trying again", { what, error }),
  });
  const lease = await insist("process row", () =>
    holdLease(db, { kind, host: hostname(), pid: process.pid, onError }),
  );
  void lease.fenced.then((reason) => {
    log("fenced: this process stops its work", { reason });
    abort.abort(reason);
  });
  const announcer = createAnnouncer(db, onError);
  const bus = openBus(env.databaseUrl, onError);
  const producer = createProducer(env, onError);
  return {
    env,
    log,
    db,
    lease,
    fenced: abort.signal,
    bus,
    announcer,
    producer,
    insist,
    actor: `${kind} ${lease.processId}`,
    async close(reason) {
      await announcer.flush();
      announcer.close();
      await producer.close();
      await lease.release(reason);
      await bus.close();
      await db.end();
    },
  };
}
