/** Waking others by job. */
import { openQueue, type QueueConnection, type QueueHandle } from "./backend";
import { CATALOG } from "./catalog";

export interface Producer {
  /** Requests of this organisation may find a worker now. Never throws: the sweep comes anyway. */
  distribute(orgId: number): void;
  close(): Promise<void>;
}

export function createProducer(
  connection: QueueConnection,
  onError: (error: unknown) => void,
): Producer {
  let queue: Promise<QueueHandle> | null = null;
  const underWay = new Set<Promise<void>>();

  async function add(orgId: number): Promise<void> {
    try {
      queue ??= openQueue("distribution", connection, onError);
      const job = CATALOG.distribute;
      await (await queue).add(
        "distribute",
        { orgId },
        { onePer: `distribute-${orgId}`, attempts: job.attempts },
      );
    } catch (error) {
      queue = null;
      onError(error);
    }
  }

  return {
    distribute(orgId) {
      const adding: Promise<void> = add(orgId).finally(() => underWay.delete(adding));
      underWay.add(adding);
    },
    async close() {
      await Promise.all(underWay);
      await (await queue)?.close();
    },
  };
}
