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
  /** Organisations whose job is being added; true when one was asked for meanwhile. */
  const adding = new Map<number, boolean>();
  const underWay = new Set<Promise<void>>();

  function open(): Promise<QueueHandle> {
    if (queue) return queue;
    const opening = openQueue("distribution", connection, onError);
    queue = opening;
    opening.catch(() => forget(opening));
    return opening;
  }

  /** One that failed may have failed for good: the next wake-up opens another. */
  function forget(failed: Promise<QueueHandle>): void {
    if (queue !== failed) return;
    queue = null;
    failed.then((handle) => handle.close()).catch(() => {});
  }

  async function add(orgId: number): Promise<void> {
    const opened = open();
    try {
      const { attempts } = CATALOG.distribute;
      const handle = await opened;
      do {
        adding.set(orgId, false);
        await handle.add("distribute", { orgId }, { onePer: `distribute-${orgId}`, attempts });
      } while (adding.get(orgId));
    } catch (error) {
      forget(opened);
      onError(error);
    }
  }

  return {
    distribute(orgId) {
      // While the server of the queues is away an `add` may wait long: never more than one of each.
      if (adding.has(orgId)) {
        adding.set(orgId, true);
        return;
      }
      adding.set(orgId, false);
      const done: Promise<void> = add(orgId).finally(() => {
        adding.delete(orgId);
        underWay.delete(done);
      });
      underWay.add(done);
    },
    async close() {
      await Promise.all(underWay);
      const handle = await queue?.catch(() => null);
      await handle?.close();
    },
  };
}
