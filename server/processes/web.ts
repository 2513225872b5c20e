/**
 * The `web` process: Next.js in a plain HTTP server that also passes socket.io on to the socket
 * process, so that a browser speaks to one origin.
 */
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { connect } from "node:net";
import { hostname } from "node:os";
import type { Duplex } from "node:stream";
import next from "next";
import { webRuntime } from "../api/runtime";
import { createForwarding } from "../auth/forwarding";
import { openDatabase } from "../db/pool";
import { holdLease } from "../engine";
import { projectRoot, readProcessEnv } from "../env";
import { createNodeHandler, restOf } from "../rest";
import { createLog } from "../telemetry/log";
import { asChild } from "./supervisor/as-child";

const LIVE_PATH = "/socket.io";

const env = readProcessEnv();
const log = createLog(
  (line) => console.error(line),
  () => new Date(),
);
const onError = (error: unknown) => log("web process", { error });
const live = new URL(env.live.url);

const app = next({
  dev: env.isDevelopment,
  dir: projectRoot(),
  hostname: env.web.bind,
  port: env.web.port,
});
await app.prepare();
const handle = app.getRequestHandler();
const upgrade = app.getUpgradeHandler();

const isLive = ({ url = "" }: IncomingMessage) =>
  url === LIVE_PATH || url.startsWith(`${LIVE_PATH}/`) || url.startsWith(`${LIVE_PATH}?`);

const rest = createNodeHandler(restOf(webRuntime()), onError);
const forwarding = createForwarding(env.web.trustedProxies);

const server = createServer((incoming, response) => {
  forwarding(incoming);
  if (isLive(incoming)) passOn(incoming, response);
  else if (!rest(incoming, response)) {
    // Pages are not told their own address; one that asks to sign in first needs it.
    incoming.headers["x-slipway-path"] = incoming.url;
    void handle(incoming, response).catch(onError);
  }
});
server.on("upgrade", (incoming, socket, head) => {
  forwarding(incoming);
  if (isLive(incoming)) passUpgradeOn(incoming, socket, head);
  else void upgrade(incoming, socket, head).catch(() => socket.destroy());
});
server.keepAliveTimeout = 65_000;

/** socket.io's polling requests. */
function passOn(incoming: IncomingMessage, response: ServerResponse): void {
  const outgoing = request(
    {
      host: live.hostname,
      port: live.port,
      method: incoming.method,
      path: incoming.url,
      headers: incoming.headers,
    },
    (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    },
  );
  outgoing.on("error", () => {
    if (!response.headersSent) response.writeHead(503);
    response.end();
  });
  response.on("close", () => outgoing.destroy());
  incoming.pipe(outgoing);
}

function passUpgradeOn(incoming: IncomingMessage, socket: Duplex, head: Buffer): void {
  const onward = connect(Number(live.port), live.hostname, () => {
    const lines = [`${incoming.method} ${incoming.url} HTTP/1.1`];
    for (let index = 0; index < incoming.rawHeaders.length; index += 2) {
      lines.push(`${incoming.rawHeaders[index]}: ${incoming.rawHeaders[index + 1]}`);
    }
    onward.write(`${lines.join("\r\n")}\r\n\r\n`);
    if (head.length > 0) onward.write(head);
    onward.pipe(socket).pipe(onward);
  });
  const end = () => {
    onward.destroy();
    socket.destroy();
  };
  onward.on("error", end).on("close", end);
  socket.on("error", end).on("close", end);
}

const database = openDatabase({ url: env.databaseUrl, max: 2, name: "web-lease", onError });
const child = asChild(async () => {
  server.close();
  server.closeAllConnections();
  await app.close();
  await lease?.release("stopped in order");
  await database.end();
});

await new Promise<void>((resolve, reject) => {
  server.once("error", reject);
  server.listen(env.web.port, env.web.bind, resolve);
});
child.ready();
log("web process is ready", { url: env.web.publicUrl });

// Pages answer (with an error that says so) while the database is away: serve first, register then.
const lease = await registered();
async function registered() {
  for (;;) {
    try {
      return await holdLease(database, {
        kind: "web",
        host: hostname(),
        pid: process.pid,
        onError,
      });
    } catch (error) {
      onError(error);
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
  }
}
void lease.fenced.then(() => process.exit(1));
