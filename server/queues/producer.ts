/** Waking others by job. */
import { type JobOptions, openQueue, type QueueConnection, type QueueHandle } from "./backend";
import { CATALOG, type QueueName } from "./catalog";

export interface Producer {
  /** Requests of this organisation may find a worker now. Never throws: the sweep comes anyway. */
  distribute(orgId: number): void;
  /** Somebody should look at this change source now. Never throws: the sweep comes anyway. */
  poll(changeSourceId: number): void;
  /**
   * Somebody should look at the fleet's deadlines then; alarms with one id are one. Never throws: the
   * sweep comes anyway.
   */
  alarm(id: string, afterMs: number): void;
  /** Somebody is to be told of this loss of a worker. Never throws: the sweep comes anyway. */
  mail(lossId: number): void;
  /** People are to be told of this notice. Never throws: the sweep comes anyway. */
  notice(noticeId: number): void;
  /** Somebody should look at this latent worker. Never throws: the sweep comes anyway. */
  see(workerId: number): void;
  close(): Promise<void>;
}

type Wakeable = "distribute" | "poll" | "alarm" | "mail" | "notice" | "see";

/** Clocks differ a little; an alarm that rings too early rings for nothing. */
const ALARM_MARGIN_MS = 50;

export function createProducer(
  connection: QueueConnection,
  onError: (error: unknown) => void,
): Producer {
  const queues = new Map<QueueName, Promise<QueueHandle>>();
  /** Jobs that are being added; true when one was asked for meanwhile. */
  const adding = new Map<string, boolean>();
  const underWay = new Set<Promise<void>>();

  function open(name: QueueName): Promise<QueueHandle> {
    const known = queues.get(name);
    if (known) return known;
    const opening = openQueue(name, connection, onError);
    queues.set(name, opening);
    opening.catch(() => forget(name, opening));
    return opening;
  }

  /** One that failed may have failed for good: the next wake-up opens another. */
  function forget(name: QueueName, failed: Promise<QueueHandle>): void {
    if (queues.get(name) !== failed) return;
    queues.delete(name);
    failed.then((handle) => handle.close()).catch(() => {});
  }

  async function add(
    job: Wakeable,
    key: string,
    data: object,
    options: Omit<JobOptions, "attempts">,
  ): Promise<void> {
    const { queue, attempts } = CATALOG[job];
    const opened = open(queue);
    try {
      const handle = await opened;
      do {
        adding.set(key, false);
        await handle.add(job, data, { ...options, attempts });
      } while (adding.get(key));
    } catch (error) {
      forget(queue, opened);
      onError(error);
    }
  }

  function wake(
    job: Wakeable,
    id: number | string,
    data: object,
    later?: JobOptions["later"],
  ): void {
    const key = `${job}-${id}`;
    // While the server of the queues is away an `add` may wait long: never more than one of each.
    if (adding.has(key)) {
      if (!later) adding.set(key, true);
      return;
    }
    adding.set(key, false);
    const options = later ? { later } : { onePer: key };
    const done: Promise<void> = add(job, key, data, options).finally(() => {
      adding.delete(key);
      underWay.delete(done);
    });
    underWay.add(done);
  }

  return {
    distribute: (orgId) => wake("distribute", orgId, { orgId }),
    poll: (changeSourceId) => wake("poll", changeSourceId, { changeSourceId }),
    mail: (lossId) => wake("mail", lossId, { lossId }),
    notice: (noticeId) => wake("notice", noticeId, { noticeId }),
    see: (workerId) => wake("see", workerId, { workerId }),
    alarm: (id, afterMs) =>
      wake("alarm", id, {}, { id, afterMs: Math.ceil(afterMs) + ALARM_MARGIN_MS }),
    async close() {
      await Promise.all(underWay);
      for (const queue of queues.values()) await (await queue.catch(() => null))?.close();
    },
  };
}
