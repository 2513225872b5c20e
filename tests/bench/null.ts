/** The null master as a peer. */
import { spawn } from "node:child_process";
import { Agent, get, request } from "node:http";
import { createInterface } from "node:readline";
import type { Peer, Plan } from "./peer";
import { Told } from "./rest";

/** @param program the bundled null-master */
export async function startNullPeer(plan: Plan, program: string): Promise<Peer> {
  const child = spawn(process.execPath, [program, JSON.stringify(plan)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const ports = await new Promise<{ web: number; workers: number }>((resolve, reject) => {
    createInterface({ input: child.stdout }).once("line", (line) => resolve(JSON.parse(line)));
    child.once("error", reject);
    child.once("exit", () => reject(new Error("the null master ended at its start")));
  });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const base = `http://127.0.0.1:${ports.web}`;
  const ask = <T>(method: string, path: string) =>
    new Promise<T>((resolve, reject) => {
      request(`${base}${path}`, { method, agent }, (answer) => {
        let text = "";
        answer.setEncoding("utf8").on("data", (part) => {
          text += part;
        });
        answer.on("end", () => resolve(JSON.parse(text)));
      })
        .on("error", reject)
        .end();
    });
  const told = new Told();
  await new Promise<void>((resolve, reject) => {
    get(`${base}/events`, (answer) => {
      const lines = createInterface({ input: answer });
      lines.on("error", () => {});
      lines.on("line", (line) => told.tell(Number(line)));
      resolve();
    }).on("error", reject);
  });
  return {
    name: "null",
    workerPorts: { pb: ports.workers, msgpack: null },
    trigger: (builder) => ask<number>("POST", `/builders/${builder}`),
    finished: (id) => told.finished(id),
    result: async (id) => (await ask<{ result: number }>("GET", `/requests/${id}`)).result,
    connected: () => ask<string[]>("GET", "/workers"),
    async pause(workers, isPaused) {
      await ask("POST", `/${isPaused ? "pause" : "unpause"}/${workers.join(",")}`);
    },
    isReadable: async (id, lastLine) =>
      (await ask<{ lastLine: string }>("GET", `/requests/${id}`)).lastLine.includes(lastLine),
    processes: () => ({ "null master": [child.pid as number] }),
    collectGarbage: async () => {},
    async stop() {
      agent.destroy();
      child.stdin.end();
      await exited;
    },
  };
}
