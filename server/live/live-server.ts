/**
 * The browsers' live channel: socket.io on the socket process's own HTTP port.
 *
 * A browser subscribes to topics of one organisation. Membership is checked at each subscription
 * and again when a session or membership may have ended; events are merged per room for 100 ms. A
 * process that nobody watches reads nothing: the outbox is caught up from its end when the first
 * subscriber comes.
 */
import { createServer, type Server as HttpServer } from "node:http";
import { Server, type Socket } from "socket.io";
import { z } from "zod";
import type { Queryable } from "../db/pool";
import type { UserId } from "../domain/ids";
import { mergeCalls } from "../events/merge-calls";
import {
  currentPosition,
  isNewsHidden,
  type OutboxEvent,
  type Position,
  readOutbox,
} from "../events/outbox";

const MERGE_MS = 100;
const READ_AT_ONCE = 1000;
const LATER_MS = 250;
const RECHECK_MS = 30_000;
const MAX_TOPICS = 100;

const subscription = z.object({
  org: z.string().max(100),
  topics: z
    .array(
      z
        .string()
        .max(60)
        .regex(/^[a-z]+(:\d+)?$/),
    )
    .max(MAX_TOPICS),
});

export interface LiveOptions {
  readonly host: string;
  readonly port: number;
  readonly db: Queryable;
  /** The person behind these request headers, or null. */
  readonly userIdOf: (headers: Headers) => Promise<UserId | null>;
  /** The organisation's id when this person may read it, else null. */
  readonly mayRead: (userId: UserId, orgSlug: string) => Promise<number | null>;
  /** Whether this person is told that strangers came to the workers' doors. */
  readonly mayWatchDoors: (userId: UserId) => Promise<boolean>;
  readonly log: (message: string, fields: Record<string, unknown>) => void;
  /** A browser watches these topics from now on. */
  readonly onWatch?: (topics: readonly string[]) => void;
  /** How often sessions and memberships are looked at again. */
  readonly recheckMs?: number;
}

export interface LogProgress {
  readonly orgId: number;
  readonly logId: number;
  readonly buildId: number;
  readonly lineCount: number;
}

export interface LiveServer {
  readonly port: number;
  /** The outbox has news. */
  wake(): void;
  /** Lines of logs became durable. */
  logs(progress: readonly LogProgress[]): void;
  /** The topics that browsers watch, of whatever organisation. */
  watched(): string[];
  close(): Promise<void>;
}

interface Message {
  readonly topic: string;
  readonly body: OutboxEvent["body"];
}

export async function openLive(options: LiveOptions): Promise<LiveServer> {
  const http = createServer((_request, response) => response.writeHead(404).end());
  const io = new Server(http, {
    path: "/socket.io",
    serveClient: false,
    maxHttpBufferSize: 16 * 1024,
    // The browser speaks to the web process's origin only; nobody else's page may listen in.
    allowRequest: (request, callback) => {
      const { origin, host } = request.headers;
      const forwarded = request.headers["x-forwarded-host"];
      const from = origin ? hostOf(origin) : null;
      callback(null, !origin || (from !== null && [host, forwarded].includes(from)));
    },
  });
  const feed = createFeed(io, options);

  io.use(async (socket, next) => {
    try {
      const headers = new Headers();
      headers.set("cookie", socket.handshake.headers.cookie ?? "");
      headers.set("host", socket.handshake.headers.host ?? "");
      const userId = await options.userIdOf(headers);
      if (userId === null) return next(new Error("sign in first"));
      socket.data.userId = userId;
      socket.data.headers = headers;
      next();
    } catch (error) {
      options.log("live handshake failed", { error });
      next(new Error("not available"));
    }
  });

  io.on("connection", (socket) => {
    socket.data.orgs = new Map<string, number>();
    socket.on("disconnect", feed.left);
    socket.on("subscribe", (given: unknown, acknowledge?: unknown) => {
      void subscribe(socket, given).then((ok) => {
        if (typeof acknowledge === "function") acknowledge({ ok });
      });
    });
    socket.on("unsubscribe", (given: unknown) => {
      const wanted = subscription.safeParse(given).data;
      const orgId = wanted && socket.data.orgs.get(wanted.org);
      for (const topic of orgId ? wanted.topics : []) void socket.leave(room(orgId, topic));
    });
  });

  async function subscribe(socket: Socket, given: unknown): Promise<boolean> {
    const wanted = subscription.safeParse(given).data;
    if (!wanted) return false;
    try {
      const orgId = await options.mayRead(socket.data.userId, wanted.org);
      if (orgId === null || socket.rooms.size + wanted.topics.length > MAX_TOPICS) return false;
      const isRefused =
        wanted.topics.includes(DOORS) && !(await options.mayWatchDoors(socket.data.userId));
      const topics = isRefused ? wanted.topics.filter((topic) => topic !== DOORS) : wanted.topics;
      await feed.ready();
      socket.data.orgs.set(wanted.org, orgId);
      await socket.join(topics.map((topic) => room(orgId, topic)));
      options.onWatch?.(topics);
      return !isRefused;
    } catch (error) {
      options.log("subscription failed", { error });
      return false;
    }
  }

  const recheck = mergeCalls(
    () => dropStrangers(io, options),
    (error) => options.log("live check failed", { error }),
  );
  const rechecking = setInterval(recheck, options.recheckMs ?? RECHECK_MS);
  const port = await listen(http, options);
  return {
    port,
    wake: feed.wake,
    logs: feed.logs,
    watched: () => [...io.sockets.adapter.rooms.keys()].flatMap((name) => name.split(" ")[1] ?? []),
    async close() {
      clearInterval(rechecking);
      feed.close();
      await io.close();
    },
  };
}

/** Null for what is no address, as a page in a sandbox says. */
function hostOf(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host : null;
}

/** Strangers at the doors are nobody's: their topic is the same room whatever the organisation. */
const DOORS = "doors";
const room = (orgId: number, topic: string) => (topic === DOORS ? DOORS : `${orgId} ${topic}`);

/** Sessions revoked, memberships ended. */
async function dropStrangers(io: Server, options: LiveOptions): Promise<void> {
  for (const socket of io.sockets.sockets.values()) {
    try {
      const userId = await options.userIdOf(socket.data.headers);
      const orgs = [...socket.data.orgs.keys()] as string[];
      const may = await Promise.all(orgs.map((org) => options.mayRead(socket.data.userId, org)));
      if (userId === null || may.includes(null)) socket.disconnect(true);
    } catch (error) {
      options.log("live check failed", { error });
    }
  }
}

function createFeed(io: Server, options: LiveOptions) {
  const pending = new Map<string, Map<string, Message>>();
  let position: Position | null = null;
  let isReading = false;
  let isAgain = false;
  let timer: NodeJS.Timeout | null = null;
  let later: NodeJS.Timeout | null = null;
  let starting: Promise<void> | null = null;
  let isClosed = false;

  const isWatched = () => io.sockets.sockets.size > 0;

  function push(roomName: string, message: Message): void {
    if (!io.sockets.adapter.rooms.has(roomName)) return;
    const messages = pending.get(roomName) ?? new Map<string, Message>();
    messages.set(message.topic, message);
    pending.set(roomName, messages);
    timer ??= setTimeout(emit, MERGE_MS);
  }

  function emit(): void {
    timer = null;
    for (const [roomName, messages] of pending)
      io.to(roomName).emit("events", [...messages.values()]);
    pending.clear();
  }

  async function read(): Promise<void> {
    if (isReading) {
      isAgain = true;
      return;
    }
    isReading = true;
    try {
      do {
        isAgain = false;
        if (!isWatched() || position === null) {
          position = null;
          return;
        }
        const page = await readOutbox(options.db, position, READ_AT_ONCE);
        position = page.position;
        for (const event of page.events) for (const name of roomsOf(event)) push(name, event);
        if (page.events.length === READ_AT_ONCE) isAgain = true;
        // A transaction that is still running hides what committed after it began.
        else if (await isNewsHidden(options.db, position)) readLater();
      } while (isAgain);
    } catch (error) {
      options.log("outbox not read", { error });
      readLater();
    } finally {
      isReading = false;
    }
  }

  function readLater(): void {
    if (isClosed) return;
    later ??= setTimeout(() => {
      later = null;
      void read();
    }, LATER_MS);
  }

  return {
    /** From here on nothing is missed. */
    async ready() {
      if (position !== null) return;
      starting ??= currentPosition(options.db)
        .then((end) => {
          position ??= end;
        })
        .finally(() => {
          starting = null;
        });
      await starting;
    },
    wake() {
      if (!isWatched() || isClosed) return;
      void read();
    },
    /** Nobody watches any more: whoever comes next begins at the end, not with a backlog. */
    left() {
      if (!isWatched()) position = null;
    },
    logs(progress: readonly LogProgress[]) {
      for (const { orgId, logId, buildId, lineCount } of progress) {
        const message = {
          topic: `logs/${logId}/append`,
          body: { id: logId, buildId, lines: lineCount, isComplete: false },
        };
        push(room(orgId, `log:${logId}`), message);
        push(room(orgId, `build:${buildId}`), message);
      }
    },
    close() {
      isClosed = true;
      if (timer) clearTimeout(timer);
      if (later) clearTimeout(later);
    },
  };
}

/** Which rooms hear of an event. */
function roomsOf({ orgId, topic, body }: OutboxEvent): string[] {
  const [kind, id] = topic.split("/");
  const of = (name: string, value: unknown) =>
    typeof value === "number" ? [room(orgId, `${name}:${value}`)] : [];
  switch (kind) {
    case "builds":
      return [
        room(orgId, "builds"),
        room(orgId, `build:${id}`),
        ...of("builder", body.builderId),
        ...of("worker", body.workerId),
      ];
    case "steps":
      return of("build", body.buildId);
    case "logs":
      return [room(orgId, `log:${id}`), ...of("build", body.buildId)];
    case "buildrequests":
      return [room(orgId, "requests"), ...of("builder", body.builderId)];
    case "workers":
      return [room(orgId, "workers"), room(orgId, `worker:${id}`)];
    case "instances":
      return [room(orgId, "instances"), room(orgId, `instance:${id}`)];
    case "pools":
      return [room(orgId, "pools"), room(orgId, `pool:${id}`)];
    case "drivertests":
      return [room(orgId, `drivertest:${id}`)];
    default:
      return [room(orgId, kind ?? "")];
  }
}

function listen(http: HttpServer, { host, port }: LiveOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    http.once("error", reject);
    http.listen(port, host, () => {
      http.off("error", reject);
      const address = http.address();
      resolve(typeof address === "object" && address ? address.port : port);
    });
  });
}
