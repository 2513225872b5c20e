/**
 * BullMQ on PostgreSQL, or on Redis when there is one. Only this folder knows which.
 */
import { createPostgresBackend, Queue, Worker, withBackend } from "bullmq";
import { createClient } from "redis";
import type { QueueName } from "./catalog";

export interface QueueConnection {
  readonly databaseUrl: string;
  readonly redisUrl: string | null;
}

type Processor = (job: { name: string; data: unknown }) => Promise<void>;

/** What we use of a BullMQ queue. */
export interface QueueHandle {
  add(name: string, data: object, options: JobOptions): Promise<unknown>;
  repeat(name: string, everyMs: number): Promise<unknown>;
  close(): Promise<void>;
}

export interface JobOptions {
  /** One such job may wait; one more is kept while one runs. */
  readonly onePer?: string;
  readonly attempts: number;
  /** Of jobs for a moment to come: when from now, and what tells it from others; one of each is kept. */
  readonly later?: { readonly id: string; readonly afterMs: number };
}

const ON_POSTGRES = withBackend(createPostgresBackend);

function asBullOptions({ onePer, attempts, later }: JobOptions) {
  return {
    attempts,
    backoff: { type: "exponential", delay: 200 },
    removeOnComplete: true,
    removeOnFail: 100,
    ...(later ? { jobId: later.id, delay: later.afterMs } : {}),
    ...(onePer ? { deduplication: { id: onePer, keepLastIfActive: true } } : {}),
  };
}

function asHandle(
  queue: Pick<Queue, "add" | "upsertJobScheduler" | "close">,
  afterClose: () => unknown,
): QueueHandle {
  return {
    add: (name, data, options) => queue.add(name, data, asBullOptions(options)),
    repeat: (name, everyMs) =>
      queue.upsertJobScheduler(
        name,
        { every: everyMs },
        { name, data: {}, opts: { removeOnComplete: true, removeOnFail: 20 } },
      ),
    async close() {
      await queue.close();
      await afterClose();
    },
  };
}

async function redisClient(url: string, onError: (error: Error) => void) {
  const client = createClient({ url, RESP: 2 });
  client.on("error", onError);
  await client.connect();
  return client;
}

export async function openQueue(
  name: QueueName,
  connection: QueueConnection,
  onError: (error: Error) => void,
): Promise<QueueHandle> {
  if (connection.redisUrl) {
    const client = await redisClient(connection.redisUrl, onError);
    const queue = new Queue(name, { connection: client, prefix: "slipway" });
    queue.on("error", onError);
    return asHandle(queue, () => client.close());
  }
  const queue = new ON_POSTGRES.Queue(name, {
    connection: { connectionString: connection.databaseUrl, max: 3, skipMigrations: true },
  });
  queue.on("error", onError);
  await ready(queue);
  return asHandle(queue as unknown as Queue, () => {});
}

/** Short locks: what a killed process was doing is picked up by another within seconds. */
const WORKER_OPTIONS = {
  lockDuration: 2_000,
  stalledInterval: 1_000,
  maxStalledCount: 10,
  removeOnComplete: { count: 0 },
} as const;

const MAX_CONNECTIONS = 4;

export interface WorkerHandle {
  close(): Promise<void>;
}

export async function openWorker(
  name: QueueName,
  processor: Processor,
  concurrency: number,
  connection: QueueConnection,
  onError: (error: Error) => void,
): Promise<WorkerHandle> {
  if (connection.redisUrl) {
    const client = await redisClient(connection.redisUrl, onError);
    const worker = new Worker(name, processor, {
      connection: client,
      prefix: "slipway",
      concurrency,
      ...WORKER_OPTIONS,
    });
    worker.on("error", onError);
    worker.on("failed", (_job, error) => onError(error));
    return {
      async close() {
        await worker.close();
        await client.close();
      },
    };
  }
  const worker = new ON_POSTGRES.Worker(name, processor, {
    connection: {
      connectionString: connection.databaseUrl,
      // What a job does is done over other connections; the queue only keeps its books over these.
      max: Math.min(concurrency, MAX_CONNECTIONS) + 2,
      skipMigrations: true,
    },
    concurrency,
    ...WORKER_OPTIONS,
  });
  worker.on("error", onError);
  worker.on("failed", (_job, error) => onError(error));
  await ready(worker);
  return { close: () => worker.close() };
}

/** One whose first connection failed stays broken for ever: better to fail here, and be opened anew. */
async function ready(opened: {
  waitUntilReady(): Promise<unknown>;
  close(): Promise<unknown>;
}): Promise<void> {
  try {
    await opened.waitUntilReady();
  } catch (error) {
    opened.close().catch(() => {});
    throw error;
  }
}
