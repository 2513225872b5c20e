/**
 * The ceiling: a program with our worker protocol and nothing behind it. It keeps requests in a
 * list, gives them to free workers, counts what they print and forgets it. No database, no log, no
 * queue. What remains above its figures is what a server may be blamed for.
 *
 *     node null-master.js '{"workers": …, "builders": …}'     says {"web": port, "workers": port}
 *     POST /builders/NAME, /pause, /unpause                   GET /events, /workers, /requests/ID
 */
import { createServer, type ServerResponse } from "node:http";
import type { CommandSink } from "../../server/domain/wire";
import type { WorkerSession } from "../../server/protocols/contract";
import { pbProtocol } from "../../server/protocols/pb";
import { shell } from "../support/shell-command";
import { PASSWORD, type Plan } from "./peer";

interface Request {
  readonly id: number;
  readonly builder: string;
  result: number | null;
  lastLine: string;
}

const plan = JSON.parse(process.argv[2] ?? "") as Plan;
const builders = new Map(plan.builders.map((builder) => [builder.name, builder]));
const maxBuilds = new Map(plan.workers.map(({ name, maxBuilds: max }) => [name, max]));
const sessions = new Map<string, { session: WorkerSession; running: Set<string> }>();
const requests: Request[] = [];
const waiting: Request[] = [];
const listeners = new Set<ServerResponse>();
const paused = new Set<string>();

function distribute(): void {
  for (let index = 0; index < waiting.length; ) {
    const request = waiting[index] as Request;
    const free = builders.get(request.builder)?.workers.find((name) => {
      const worker = sessions.get(name);
      if (!worker || paused.has(name) || worker.running.has(request.builder)) return false;
      return worker.running.size < (maxBuilds.get(name) ?? 1);
    });
    if (free === undefined) {
      index += 1;
      continue;
    }
    waiting.splice(index, 1);
    void run(request, free);
  }
}

async function run(request: Request, name: string): Promise<void> {
  const worker = sessions.get(name);
  const builder = builders.get(request.builder);
  if (!worker || !builder) return;
  worker.running.add(request.builder);
  let last = Buffer.alloc(0);
  const sink: CommandSink = {
    output(stream, bytes) {
      if (stream !== "header") last = Buffer.from(bytes.subarray(-200));
    },
    log() {},
  };
  const command = shell([...builder.command]);
  const end = await worker.session.run(
    request.builder,
    command,
    sink,
    new AbortController().signal,
  );
  worker.running.delete(request.builder);
  request.result = end.kind === "completed" && end.rc === 0 ? 0 : 4;
  request.lastLine = last.toString("utf8");
  for (const listener of listeners) listener.write(`${request.id}\n`);
  distribute();
}

const door = await pbProtocol.listen(
  {
    credentials: async (name) => (maxBuilds.has(name) ? [PASSWORD] : null),
    async admit({ loginName }, session) {
      await session.describe();
      const served = plan.builders.filter(({ workers }) => workers.includes(loginName));
      await session.serve(served.map(({ name }) => ({ name, builddir: name })));
      sessions.set(loginName, { session, running: new Set() });
      void session.closed.then(() => sessions.delete(loginName));
      distribute();
      return { admitted: true, onDrainRequested() {} };
    },
    refused: (reason, _peer, name) => console.error(reason, name),
  },
  { host: "127.0.0.1", port: 0, loginTimeoutMs: 30_000 },
);

const server = createServer((incoming, response) => {
  const [, noun = "", name = ""] = (incoming.url ?? "").split("/");
  const json = (value: unknown) => response.end(JSON.stringify(value));
  incoming.resume();
  switch (noun) {
    case "builders": {
      const request = { id: requests.length + 1, builder: name, result: null, lastLine: "" };
      requests.push(request);
      waiting.push(request);
      json(request.id);
      return distribute();
    }
    case "pause":
    case "unpause": {
      for (const worker of name.split(",")) {
        if (noun === "pause") paused.add(worker);
        else paused.delete(worker);
      }
      json(true);
      return distribute();
    }
    case "events":
      listeners.add(response);
      response.on("close", () => listeners.delete(response));
      return response.flushHeaders();
    case "workers":
      return void json([...sessions.keys()]);
    default:
      return void json(requests[Number(name) - 1]);
  }
});
// Its one client may be silent for minutes while others are measured.
server.keepAliveTimeout = 3_600_000;
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  const web = typeof address === "object" && address ? address.port : 0;
  console.log(JSON.stringify({ web, workers: door.port }));
});
// Ends with whoever measures.
process.stdin.on("end", () => process.exit(0)).resume();
