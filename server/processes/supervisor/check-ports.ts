import { createServer } from "node:net";
import { type Env, EnvError } from "../../env";

/**
 * A port that another program holds is found out before anything is started, in one line, instead of
 * by a process that dies again and again.
 *
 * @throws EnvError naming each setting whose port is taken or whose address is not of this host
 */
export async function checkPorts(env: Env): Promise<void> {
  const wanted: [string, string, number | null][] = [
    ["PORT", env.web.bind, env.web.port],
    ["SLIPWAY_LIVE_PORT", env.live.bind, env.live.port],
    ["SLIPWAY_PB_PORT", env.workers.bind, env.workers.pbPort],
    ["SLIPWAY_MSGPACK_PORT", env.workers.bind, env.workers.msgpackPort],
  ];
  const problems: string[] = [];
  for (const [name, address, port] of wanted) {
    const code = port === null ? null : await whyNot(address, port);
    if (code === "EADDRINUSE") {
      problems.push(`${name}: port ${port} on ${address} is used by another program`);
    } else if (code !== null) {
      problems.push(`${name}: cannot listen on ${address}, port ${port} (${code})`);
    }
  }
  if (problems.length > 0) throw new EnvError(problems);
}

function whyNot(host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    probe.listen({ host, port }, () => probe.close(() => resolve(null)));
  });
}
