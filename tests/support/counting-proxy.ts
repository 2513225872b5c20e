/**
 * A TCP proxy in front of PostgreSQL that counts, by reading the protocol (PostgreSQL manual, ch.
 * "Frontend/Backend Protocol", version 3) as it passes:
 *
 *  - a round trip: a message of the client that the server must answer before it goes on, which is
 *    Query (`Q`) or Sync (`S`). Connecting and logging in is not counted.
 *  - a commit: a ReadyForQuery (`Z`) that says "idle" after one of those, which is what
 *    `pg_stat_database.xact_commit` counts: read-only transactions and notifications too;
 *  - a notification: one of those commits whose only statement called pg_notify.
 *
 * Counts are kept by the `application_name` of the connection. BullMQ's pools set none: `queue`.
 */
import { connect, createServer, type Socket } from "node:net";

export interface WireCount {
  roundTrips: number;
  commits: number;
  /** Of the commits: nothing but pg_notify. */
  notifications: number;
}

export interface CountingProxy {
  /** The database's URL, by way of the proxy. */
  readonly url: string;
  /** Since the last call of `reset`, by application name. */
  counts(): Record<string, WireCount>;
  reset(): void;
  /** Each statement as it passes, with the application's name; names of prepared ones after `Parse`. */
  onStatement: ((application: string, text: string) => void) | null;
  close(): Promise<void>;
}

export async function startCountingProxy(databaseUrl: string): Promise<CountingProxy> {
  const target = new URL(databaseUrl);
  const counts = new Map<string, WireCount>();
  const sockets = new Set<Socket>();
  let onStatement: CountingProxy["onStatement"] = null;
  const server = createServer((client) => {
    const upstream = connect(Number(target.port || 5432), target.hostname);
    const link = new Link(
      (application) => {
        const count = counts.get(application) ?? { roundTrips: 0, commits: 0, notifications: 0 };
        counts.set(application, count);
        return count;
      },
      (application, text) => onStatement?.(application, text),
    );
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true);
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on("data", (bytes) => {
      link.fromClient(bytes);
      upstream.write(bytes);
    });
    upstream.on("data", (bytes) => {
      link.fromServer(bytes);
      client.write(bytes);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  const url = new URL(databaseUrl);
  url.hostname = "127.0.0.1";
  url.port = String(typeof address === "object" && address ? address.port : 0);
  return {
    url: url.href,
    counts: () => Object.fromEntries([...counts].map(([name, count]) => [name, { ...count }])),
    reset: () => counts.clear(),
    get onStatement() {
      return onStatement;
    },
    set onStatement(listener) {
      onStatement = listener;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** One connection, read in both directions. */
class Link {
  #application = "queue";
  #isStarted = false;
  #isLoggedIn = false;
  /** Statements sent since the server last said it was ready, by their text. */
  #texts: string[] = [];
  readonly #prepared = new Map<string, string>();
  readonly #client = new Frames();
  readonly #server = new Frames();

  constructor(
    readonly count: (application: string) => WireCount,
    readonly tell: (application: string, text: string) => void,
  ) {}

  fromClient(bytes: Buffer): void {
    this.#client.push(bytes);
    if (!this.#isStarted) {
      const startup = this.#client.untyped();
      if (!startup) return;
      this.#isStarted = true;
      const words = startup.subarray(8).toString("utf8").split("\0");
      const name = words[words.indexOf("application_name") + 1];
      if (words.includes("application_name") && name) this.#application = name;
    }
    for (let frame = this.#client.next(); frame; frame = this.#client.next()) {
      const body = frame.subarray(5);
      switch (String.fromCharCode(frame[0] as number)) {
        case "Q":
          this.#said(cString(body, 0).text);
          this.#roundTrip();
          break;
        case "P": {
          const name = cString(body, 0);
          this.#prepared.set(name.text, cString(body, name.end).text);
          break;
        }
        case "B": {
          const portal = cString(body, 0);
          this.#said(this.#prepared.get(cString(body, portal.end).text) ?? "?");
          break;
        }
        case "S":
          this.#roundTrip();
          break;
      }
    }
  }

  fromServer(bytes: Buffer): void {
    this.#server.push(bytes);
    for (let frame = this.#server.next(); frame; frame = this.#server.next()) {
      if (frame[0] !== 0x5a) continue;
      const isIdle = frame[5] === 0x49;
      if (!this.#isLoggedIn) {
        this.#isLoggedIn = true;
        continue;
      }
      if (!isIdle) continue;
      const count = this.count(this.#application);
      count.commits += 1;
      if (this.#texts.length === 1 && /^\s*select pg_notify\b/i.test(this.#texts[0] as string)) {
        count.notifications += 1;
      }
      this.#texts = [];
    }
  }

  #said(text: string): void {
    this.#texts.push(text);
    this.tell(this.#application, text);
  }

  #roundTrip(): void {
    this.count(this.#application).roundTrips += 1;
  }
}

/** Bytes as they come, frames as they are: one byte of type, four of length. */
class Frames {
  #bytes: Buffer = Buffer.alloc(0);

  push(bytes: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? bytes : Buffer.concat([this.#bytes, bytes]);
  }

  /** The start-up message, which has no type. */
  untyped(): Buffer | null {
    return this.#take(this.#bytes.length < 4 ? 4 : this.#bytes.readUInt32BE(0));
  }

  next(): Buffer | null {
    return this.#take(this.#bytes.length < 5 ? 5 : this.#bytes.readUInt32BE(1) + 1);
  }

  #take(length: number): Buffer | null {
    if (this.#bytes.length < length) return null;
    const frame = this.#bytes.subarray(0, length);
    this.#bytes = this.#bytes.subarray(length);
    return frame;
  }
}

function cString(bytes: Buffer, from: number): { text: string; end: number } {
  const end = bytes.indexOf(0, from);
  return { text: bytes.toString("utf8", from, end), end: end + 1 };
}
