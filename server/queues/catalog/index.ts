/**
 * Every job there is: its queue, its payload, how often it is tried.
 *
 * A job is a wake-up call. Losing every queued job loses nothing (the sweep finds what waits),
 * running one twice changes nothing. A handful of queues, because each costs connections.
 */
import { z } from "zod";

export const QUEUES = ["distribution", "polls", "mails", "latent", "upkeep"] as const;
export type QueueName = (typeof QUEUES)[number];

const orgId = z.number().int().positive();

export const CATALOG = {
  /** Give pending requests of an organisation to workers. At most one waits while one runs. */
  distribute: { queue: "distribution", payload: z.object({ orgId }), attempts: 3 },
  /** Look at a change source. At most one waits while one runs. */
  poll: {
    queue: "polls",
    payload: z.object({ changeSourceId: z.number().int().positive() }),
    attempts: 1,
  },
  /** A deadline of the fleet is due: look at all of them. Given for a moment to come. */
  alarm: { queue: "distribution", payload: z.object({}), attempts: 3 },
  /** Tell people of the loss of a worker. At most one waits while one runs. */
  mail: {
    queue: "mails",
    payload: z.object({ lossId: z.number().int().positive() }),
    attempts: 1,
  },
  /** Look at a latent worker. At most one waits while one runs. */
  see: {
    queue: "latent",
    payload: z.object({ workerId: z.number().int().positive() }),
    attempts: 1,
  },
  /** Tell people of something about machines. At most one waits while one runs. */
  notice: {
    queue: "mails",
    payload: z.object({ noticeId: z.number().int().positive() }),
    attempts: 1,
  },
  /** Act on deadlines that passed and on processes that are gone. */
  sweep: { queue: "upkeep", payload: z.object({}), attempts: 1, everyMs: 5_000 },
  /** Partitions ahead of time, retention behind. */
  maintain: { queue: "upkeep", payload: z.object({}), attempts: 1, everyMs: 3_600_000 },
} as const satisfies Record<
  string,
  { queue: QueueName; payload: z.ZodType; attempts: number; everyMs?: number }
>;

export type JobName = keyof typeof CATALOG;
export type Payload<J extends JobName> = z.infer<(typeof CATALOG)[J]["payload"]>;
