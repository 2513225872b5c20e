/** Buildbot's REST API v2, which Slipway and Buildbot both speak, over one kept-alive connection. */
import { Agent, request } from "node:http";

export interface Rest {
  get<T>(path: string): Promise<T>;
  call<T>(path: string, method: string, params: object): Promise<T>;
  close(): void;
}

export function openRest(base: string, headers: Readonly<Record<string, string>> = {}): Rest {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ask = (method: string, path: string, body?: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const outgoing = request(
        `${base}/api/v2${path}`,
        {
          agent,
          method,
          headers: {
            ...headers,
            ...(body === undefined
              ? {}
              : { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
          },
        },
        (answer) => {
          let text = "";
          answer.setEncoding("utf8");
          answer.on("data", (part) => {
            text += part;
          });
          answer.on("end", () => {
            if (answer.statusCode === 200) resolve(text);
            else reject(new Error(`${method} ${path}: ${answer.statusCode} ${text.slice(0, 500)}`));
          });
        },
      );
      outgoing.on("error", (error: NodeJS.ErrnoException) => {
        // A server may end a connection that was idle in the very moment it is used again.
        const wasIdle = outgoing.reusedSocket && error.code === "ECONNRESET";
        if (wasIdle) resolve(ask(method, path, body));
        else reject(error);
      });
      outgoing.end(body);
    });
  return {
    get: async <T>(path: string) => JSON.parse(await ask("GET", path)) as T,
    async call<T>(path: string, method: string, params: object) {
      const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
      return (JSON.parse(await ask("POST", path, body)) as { result: T }).result;
    },
    close: () => agent.destroy(),
  };
}

/** What a bench asks of a server that speaks this API. */
export function overRest(rest: Rest) {
  let builders: Map<string, number> | null = null;
  let workers: Map<string, number> | null = null;
  const builderId = async (name: string) => {
    if (!builders) {
      const all = await rest.get<{ builders: { builderid: number; name: string }[] }>("/builders");
      builders = new Map(all.builders.map((one) => [one.name, one.builderid]));
    }
    return builders.get(name) as number;
  };
  type Worker = { workerid: number; name: string; connected_to: unknown[] };
  const listWorkers = async () => (await rest.get<{ workers: Worker[] }>("/workers")).workers;

  return {
    async trigger(builder: string): Promise<number> {
      const builderid = await builderId(builder);
      const [, requests] = await rest.call<[number, Record<string, number>]>(
        "/forceschedulers/force",
        "force",
        { builderid, username: "Bench <bench@example.org>", reason: "bench" },
      );
      return requests[builderid] as number;
    },
    async result(id: number): Promise<number> {
      const { buildrequests } = await rest.get<{ buildrequests: { results: number }[] }>(
        `/buildrequests/${id}`,
      );
      return buildrequests[0]?.results ?? -1;
    },
    async connected() {
      const all = await listWorkers();
      return all.filter((worker) => worker.connected_to.length > 0).map((worker) => worker.name);
    },
    async pause(names: readonly string[], isPaused: boolean) {
      workers ??= new Map((await listWorkers()).map((worker) => [worker.name, worker.workerid]));
      for (const name of names) {
        await rest.call(`/workers/${workers.get(name)}`, isPaused ? "pause" : "unpause", {
          reason: "bench",
        });
      }
    },
    async isReadable(id: number, lastLine: string): Promise<boolean> {
      const { builds } = await rest.get<{ builds: { buildid: number }[] }>(
        `/buildrequests/${id}/builds`,
      );
      const { steps } = await rest.get<{ steps: { stepid: number; name: string }[] }>(
        `/builds/${builds.at(-1)?.buildid}/steps`,
      );
      // Buildbot puts a step of its own before ours.
      const { logs } = await rest.get<{
        logs: { logid: number; num_lines: number; complete: boolean }[];
      }>(`/steps/${steps.at(-1)?.stepid}/logs`);
      const log = logs[0];
      if (!log?.complete) return false;
      // Some lines at the end are the server's own words.
      const offset = Math.max(0, log.num_lines - 20);
      const { logchunks } = await rest.get<{ logchunks: { content: string }[] }>(
        `/logs/${log.logid}/contents?offset=${offset}&limit=20`,
      );
      return logchunks.some((chunk) => chunk.content.includes(lastLine));
    },
  };
}

/** Things told by id, kept for whoever asks later. */
export class Told {
  readonly #told = new Set<number>();
  readonly #waiting = new Map<number, () => void>();

  tell(id: number): void {
    this.#told.add(id);
    this.#waiting.get(id)?.();
    this.#waiting.delete(id);
  }

  finished(id: number): Promise<void> {
    if (this.#told.has(id)) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.set(id, resolve));
  }

  get waiting(): number[] {
    return [...this.#waiting.keys()];
  }
}
