/**
 * How old a line is when a browser hears of it: a real worker prints the time, line by line, and a
 * socket.io client, signed in as a person, is told of the log's growth.
 */
import { join } from "node:path";
import { io } from "socket.io-client";
import { projectRoot } from "../../server/env";
import { startBuildbotWorker } from "../support/buildbot-worker";
import { startSlipway } from "../support/slipway-instance";
import { PASSWORD } from "./peer";
import { slipwayConfig } from "./slipway";

const ADMIN = { email: "bench@example.org", password: "a long bench password" };
const SECONDS_APART = "0.237";

interface Message {
  readonly topic: string;
  readonly body: { readonly id?: number; readonly lines?: number };
}

/** @returns the age of each line in milliseconds, in the order they were printed */
export async function measureLive(lines: number, protocolArgs: readonly string[]) {
  const program = join(projectRoot(), "tests/bench/print-times.py");
  const command = ["/usr/bin/python3", program, String(lines), SECONDS_APART];
  const slipway = await startSlipway({
    isBuilt: true,
    env: { SLIPWAY_ADMIN_EMAIL: ADMIN.email, SLIPWAY_ADMIN_PASSWORD: ADMIN.password },
    config: slipwayConfig({
      workers: [{ name: "w1", maxBuilds: 1 }],
      builders: [{ name: "times", workers: ["w1"], command }],
    }),
  });
  const worker = await startBuildbotWorker({
    ...{ host: "127.0.0.1", name: "w1", password: PASSWORD, args: protocolArgs },
    port: protocolArgs.length > 0 ? slipway.msgpackPort : slipway.pbPort,
  });
  const browser = io(slipway.url, {
    extraHeaders: { cookie: await signIn(slipway.url) },
    transports: ["websocket"],
  });
  try {
    /** When it was said that so many lines are there. */
    const heard: { readonly lines: number; readonly at: number }[] = [];
    browser.on("events", (messages: Message[]) => {
      for (const { topic, body } of messages) {
        const isGrowth = /^logs\/\d+\/append$/.test(topic) && body.lines !== undefined;
        if (isGrowth) heard.push({ lines: body.lines as number, at: Date.now() });
      }
    });
    await slipway.call("builders/times", "force");
    const build = await first(() =>
      slipway.get<{ builds: { buildid: number }[] }>("builds").then(({ builds }) => builds[0]),
    );
    const topics = [`build:${build.buildid}`];
    const joined = await browser.emitWithAck("subscribe", { org: slipway.org, topics });
    if (!joined.ok) throw new Error("the browser may not listen");
    const joinedAt = Date.now();
    await first(() =>
      slipway
        .get<{ builds: { complete: boolean }[] }>(`builds/${build.buildid}`)
        .then(({ builds }) => builds.find((one) => one.complete)),
    );
    const { logs } = await slipway.get<{ logs: { logid: number }[] }>(
      `builds/${build.buildid}/steps/0/logs`,
    );
    const { logchunks } = await slipway.get<{ logchunks: { content: string }[] }>(
      `logs/${logs[0]?.logid}/contents`,
    );
    const printed = (logchunks[0]?.content ?? "").split("\n").map((line) => Number(line.slice(1)));
    const ages = printed.flatMap((time, index) => {
      const told = heard.find((each) => each.lines > index);
      // Headers of the log are lines, too; and what was printed before we listened is not measured.
      return time * 1_000 > joinedAt && told ? [told.at - time * 1_000] : [];
    });
    if (ages.length === 0) throw new Error("the browser heard of no line");
    return ages;
  } finally {
    browser.disconnect();
    await worker.stop();
    await slipway.stop();
  }
}

/** As the sign-in page does it. @returns the cookies */
async function signIn(url: string): Promise<string> {
  const jar = new Map<string, string>();
  const keep = (answer: Response) => {
    for (const cookie of answer.headers.getSetCookie()) {
      const [pair = ""] = cookie.split(";");
      jar.set(pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1));
    }
  };
  const cookies = () => [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
  const csrf = await fetch(`${url}/api/auth/csrf`);
  keep(csrf);
  const { csrfToken } = (await csrf.json()) as { csrfToken: string };
  const answer = await fetch(`${url}/api/auth/callback/credentials`, {
    method: "POST",
    redirect: "manual",
    headers: { cookie: cookies() },
    body: new URLSearchParams({ ...ADMIN, csrfToken, json: "true" }),
  });
  keep(answer);
  return cookies();
}

async function first<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((next) => setTimeout(next, 100));
  }
}
