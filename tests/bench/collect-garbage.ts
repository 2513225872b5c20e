/** A full collection in another Node process, asked for through its inspector. */
import { setTimeout as sleep } from "node:timers/promises";
import WebSocket from "ws";

const INSPECTOR = "http://127.0.0.1:9229/json/list";
const TRIES = 20;

export async function collectGarbage(pid: number): Promise<void> {
  process.kill(pid, "SIGUSR1");
  const socket = new WebSocket(await inspectorUrl());
  await new Promise<void>((resolve, reject) => {
    socket.on("open", () => socket.send('{"id":1,"method":"HeapProfiler.collectGarbage"}'));
    socket.on("message", () => resolve());
    socket.on("error", reject);
  });
  socket.terminate();
}

async function inspectorUrl(): Promise<string> {
  for (let left = TRIES; ; left--) {
    try {
      const [target] = (await (await fetch(INSPECTOR)).json()) as {
        webSocketDebuggerUrl: string;
      }[];
      if (target) return target.webSocketDebuggerUrl;
    } catch (error) {
      if (left === 0) throw error;
    }
    await sleep(100);
  }
}
