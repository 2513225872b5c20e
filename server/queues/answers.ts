import { createClient } from "redis";
import type { QueueConnection } from "./backend";

/** Whether the queues' own server answers. Without Redis they are in the database, asked elsewhere. */
export async function queueAnswers(
  connection: QueueConnection,
  withinMs: number,
): Promise<boolean> {
  if (connection.redisUrl === null) return true;
  const client = createClient({
    url: connection.redisUrl,
    socket: { connectTimeout: withinMs, reconnectStrategy: false },
  });
  client.on("error", () => {});
  try {
    await client.connect();
    return (await client.ping()) === "PONG";
  } catch {
    return false;
  } finally {
    client.destroy();
  }
}
