/**
 * PostgreSQL as the event bus (HOUSE, Ownership 2).
 *
 * A notification is only ever a wake-up: what happened stands in rows, and whoever is woken reads
 * them. So notifications may be merged, doubled or lost. They are never sent inside a transaction
 * (that would serialise commits): a process announces after its commits, at once when it has been
 * quiet and else at most every 10 ms, all channels in one statement.
 *
 * Listening reconnects by itself; after every (re)connection each listener is called once with
 * null, "you may have missed something".
 */
import pg from "pg";
import type { Queryable } from "../db/pool";

/** New rows in the outbox. */
export const OUTBOX = "slipway_outbox";
/** A process was seen to be gone. */
export const PROCESS_GONE = "slipway_process_gone";
/** The configuration of an organisation changed; payload: its id. */
export const CONFIG = "slipway_config";
/** Somebody asks about a repository. */
export const REPOSITORIES = "slipway_repositories";
/** Somebody tries a driver's settings, cancels that, or a machine of such a test has logged in. */
export const DRIVER_TESTS = "slipway_driver_tests";
/** Somebody asked something of machines, accounts or pools: deadlines that are due now. */
export const MACHINES = "slipway_machines";
/** What browsers watch: a process's id, and topics. */
export const WATCHING = "slipway_watching";
/** Work for one process: builds to start or to stop, sessions to look at. */
export const processChannel = (processId: number) => `slipway_process_${processId}`;

const MERGE_MS = 10;
/** Less than browsers wait anyway: their events are merged for 100 ms. */
const SOON_MS = 50;
const RECONNECT_MS = 500;
/** A connection that died without a word is noticed within two of these. */
const HEARTBEAT_MS = 10_000;

export interface Announcer {
  /** After a commit. Cheap; never throws. */
  announce(channel: string, payload?: string): void;
  /** The same for what may wait a moment for company: it goes with the next announcement. */
  announceSoon(channel: string): void;
  /** What was announced has been sent, or could not be. */
  flush(): Promise<void>;
  /** Gives up what could not be sent. */
  close(): void;
}

export function createAnnouncer(q: Queryable, onError: (error: unknown) => void): Announcer {
  const pending = new Map<string, [channel: string, payload: string]>();
  let sending: Promise<void> | null = null;
  let timer: NodeJS.Timeout | null = null;
  let timerDueAt = 0;
  let lastSentAt = 0;
  let isFailing = false;
  let isClosed = false;

  async function send(): Promise<void> {
    timer = null;
    lastSentAt = performance.now();
    const batch = [...pending.values()];
    pending.clear();
    try {
      await q.rows(
        {
          name: "announce",
          text: "select pg_notify(c, p) from unnest($1::text[], $2::text[]) as n (c, p)",
        },
        [batch.map(([channel]) => channel), batch.map(([, payload]) => payload)],
      );
      isFailing = false;
    } catch (error) {
      // It may be our connection alone that was lost, and the listeners' are well: say it again.
      isFailing = true;
      for (const each of batch) pending.set(each.join(" "), each);
      onError(error);
    }
    sending = null;
    if (pending.size > 0) schedule();
  }

  function schedule(patienceMs = 0): void {
    if (sending || isClosed) return;
    const now = performance.now();
    const pause = isFailing ? RECONNECT_MS : MERGE_MS;
    const dueAt = Math.max(lastSentAt + pause, now + patienceMs);
    if (timer && timerDueAt <= dueAt) return;
    if (timer) clearTimeout(timer);
    timer = null;
    const wait = dueAt - now;
    if (wait <= 0) {
      // Behind the caller's turn: what it announces in one breath goes in one statement.
      sending = Promise.resolve().then(send);
    } else {
      timerDueAt = dueAt;
      timer = setTimeout(() => {
        sending = send();
      }, wait);
    }
  }

  return {
    announce(channel, payload = "") {
      pending.set(`${channel} ${payload}`, [channel, payload]);
      schedule();
    },
    announceSoon(channel) {
      pending.set(`${channel} `, [channel, ""]);
      schedule(SOON_MS);
    },
    async flush() {
      do {
        if (timer) {
          clearTimeout(timer);
          sending = send();
        }
        await sending;
      } while (!isFailing && (pending.size > 0 || sending));
    },
    close() {
      isClosed = true;
      if (timer) clearTimeout(timer);
      timer = null;
    },
  };
}

export interface Bus {
  /** `handler(null)` once per (re)connection, then once per notification. */
  listen(channel: string, handler: (payload: string | null) => void): Promise<void>;
  close(): Promise<void>;
}

export function openBus(url: string, onError: (error: unknown) => void): Bus {
  const handlers = new Map<string, Set<(payload: string | null) => void>>();
  let client: pg.Client | null = null;
  let isClosed = false;
  let retry: NodeJS.Timeout | null = null;

  async function connect(): Promise<void> {
    if (isClosed || client) return;
    const fresh = new pg.Client({
      connectionString: url,
      application_name: "slipway-bus",
      keepAlive: true,
    });
    client = fresh;
    let heartbeat: NodeJS.Timeout | null = null;
    const lost = (error?: unknown) => {
      if (heartbeat) clearInterval(heartbeat);
      if (client !== fresh) return;
      client = null;
      if (error) onError(error);
      fresh.end().catch(() => {});
      if (!isClosed && !retry) {
        retry = setTimeout(() => {
          retry = null;
          void connect();
        }, RECONNECT_MS);
      }
    };
    fresh.on("error", lost);
    fresh.on("end", () => lost());
    fresh.on("notification", ({ channel, payload }) => {
      for (const handler of handlers.get(channel) ?? []) handler(payload ?? "");
    });
    try {
      await fresh.connect();
      for (const channel of handlers.keys()) {
        await fresh.query(`listen ${pg.escapeIdentifier(channel)}`);
      }
      if (client !== fresh) return;
      heartbeat = beat(fresh, lost);
      for (const set of handlers.values()) for (const handler of set) handler(null);
    } catch (error) {
      lost(error);
    }
  }

  return {
    async listen(channel, handler) {
      const set = handlers.get(channel) ?? new Set();
      handlers.set(channel, set.add(handler));
      if (!client) {
        await connect();
        return;
      }
      try {
        await client.query(`listen ${pg.escapeIdentifier(channel)}`);
        handler(null);
      } catch (error) {
        onError(error);
      }
    },
    async close() {
      isClosed = true;
      if (retry) clearTimeout(retry);
      const last = client;
      client = null;
      await last?.end().catch(() => {});
    },
  };
}

/** Asks for a sign of life again and again; one that is still missing at the next turn is a loss. */
function beat(client: pg.Client, lost: (error: unknown) => void): NodeJS.Timeout {
  let isWaiting = false;
  return setInterval(() => {
    if (isWaiting) return lost(new Error("the event bus does not answer"));
    isWaiting = true;
    client.query("select").then(
      () => {
        isWaiting = false;
      },
      (error: unknown) => lost(error),
    );
  }, HEARTBEAT_MS);
}
