/**
 * Machines that are programs of this host: our own worker, in a directory and a process group of its
 * own, until it is let go. For a host that should not keep workers it does not need; it isolates
 * nothing. Linux only, see README.md.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import {
  type AgentLogin,
  beforeAnyMachine,
  DriverError,
  INSTANCE_VARIABLE,
  type InstanceHandle,
  instanceTagSchema,
  type LatentDriver,
  type LatentDriverKind,
  machineKeySchema,
  type StartOrder,
  type Surroundings,
} from "../contract";
import { type Account, MachineFolder } from "./machine-folder";
import { type Marked, markedProcesses } from "./processes";
import { type LocalConfig, localConfigSchema } from "./schema";

export interface LocalHost {
  /** The worker's program. */
  readonly program: string;
  /** Each machine has its directory here while it lives. */
  readonly folder: string;
  /** What any program of this host needs, and nothing of ours. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Under whom they run; as ourselves when absent. */
  readonly account?: Account;
  /** Where this host reaches the doors, when that is not where others do. */
  readonly door?: {
    readonly host: string;
    /** A directory of certificates that the door may show; absent: it does not encrypt. */
    readonly trustRoots?: string;
  };
}

const MARK = "SLIPWAY_MACHINE";
/** One whose installation is gone ends by itself; longer than a build is kept for one that comes back. */
const GIVE_UP = ["--give-up-after", "7200"];
const GRACE_MS = 5_000;

export function localDriver(host: LocalHost): LatentDriverKind<LocalConfig> {
  return {
    kind: "local",
    schema: localConfigSchema,
    billing: "free",
    accountOptions: [],
    listingLagSeconds: 0,
    startsAtOnce: 16,
    open: (_config, surroundings) => openLocal(host, surroundings),
  };
}

function openLocal(host: LocalHost, { note, ended }: Surroundings): LatentDriver {
  return {
    // It is this host: nothing has to be reached, and nobody lets us in.
    probes: [
      {
        covers: ["find"],
        async look() {
          mustHaveProgram(host);
          return "The worker's program is here.";
        },
      },
    ],
    async start(order, signal) {
      signal.throwIfAborted();
      const known = (await machines(order.key)).find(({ isLeader }) => isLeader);
      if (known) return handleOf(known);
      await beforeAnyMachine(async () => mustHaveProgram(host));
      const made = await launch(host, order, ended);
      note(`process ${(made.ref as { pid: number }).pid} of this host was started`);
      return made;
    },
    async inspect({ key }) {
      const leader = (await machines(key)).find(({ isLeader }) => isLeader);
      if (leader) return { state: "running", why: `process ${leader.pid}` };
      return { state: "gone", why: (await folderOf(host, key).said()) || "no such process" };
    },
    printed: ({ key }) => folderOf(host, key).said(),
    async stop({ key }, how) {
      if (how === "graceful") await end(key, "SIGTERM");
      await end(key, "SIGKILL");
      await folderOf(host, key).remove();
    },
    async list({ installation }) {
      const all = (await machines()).filter(({ isLeader }) => isLeader).map(handleOf);
      return all.filter(({ tag }) => tag.installation === installation);
    },
  };
}

const folderOf = ({ folder, account }: LocalHost, key: string) =>
  new MachineFolder(folder, key, account);

function mustHaveProgram({ program }: LocalHost): void {
  if (existsSync(program)) return;
  throw new DriverError("bad-configuration", `the worker's program ${program} is missing`);
}

async function launch(
  host: LocalHost,
  order: StartOrder,
  ended: () => void = () => {},
): Promise<InstanceHandle> {
  const { key, tag, agent } = order;
  const folder = folderOf(host, key);
  const mark = JSON.stringify({ key, tag });
  // A name may begin with a hyphen.
  const where = ["--basedir", join(folder.path, "worker"), `--name=${agent.name}`];
  const log = await folder.make();
  try {
    const child = spawn(
      process.execPath,
      [host.program, "run", ...where, ...connection(host, agent), ...GIVE_UP],
      {
        ...host.account,
        detached: true,
        stdio: ["ignore", log.fd, log.fd],
        cwd: folder.path,
        // Types of the web framework want NODE_ENV in every environment; a worker must not have it.
        env: {
          ...host.env,
          HOME: folder.path,
          SLIPWAY_WORKER_PASSWORD: agent.password,
          [MARK]: mark,
          [INSTANCE_VARIABLE]: key,
        } as unknown as NodeJS.ProcessEnv,
      },
    );
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", (error) =>
        reject(new DriverError("bad-configuration", `it could not be started: ${error.message}`)),
      );
    });
    child.once("exit", ended);
    child.unref();
    return { key, tag, ref: { pid: child.pid }, madeAt: Date.now() };
  } finally {
    await log.close();
  }
}

function connection({ door }: LocalHost, agent: AgentLogin): string[] {
  const protocol = agent.protocol === "pb" ? "pb" : "msgpack_experimental_v7";
  const host = door?.host ?? agent.host;
  const master = `${host.includes(":") ? `[${host}]` : host}:${agent.port}`;
  const how = door?.trustRoots
    ? ["--connection-string", `TLS:${master}:trustRoots=${door.trustRoots}`]
    : ["--master", master];
  return ["--protocol", protocol, ...how];
}

/** Everything that belongs to the machine, however deep it began. */
async function end(key: string, signal: "SIGTERM" | "SIGKILL"): Promise<void> {
  const giveUpAt = Date.now() + GRACE_MS;
  let told = new Set<number>();
  for (;;) {
    const left = await machines(key);
    if (left.length === 0) return;
    for (const { pid } of left) {
      if (signal === "SIGTERM" && told.has(pid)) continue;
      try {
        process.kill(pid, signal);
      } catch {}
    }
    told = new Set(left.map(({ pid }) => pid));
    if (Date.now() < giveUpAt) await sleep(20);
    else if (signal === "SIGTERM") return;
    else throw new DriverError("provider-down", `${left.length} processes do not end`);
  }
}

interface Machine extends Omit<Marked, "mark"> {
  readonly mark: z.output<typeof markSchema>;
}

/** Of this key, or all. */
async function machines(key?: string): Promise<Machine[]> {
  const marked = (await markedProcesses(MARK)).filter(({ isZombie }) => !isZombie);
  return marked.flatMap((each) => {
    const mark = readMark(each.mark);
    return mark && (key === undefined || mark.key === key) ? [{ ...each, mark }] : [];
  });
}

const markSchema = z.object({ key: machineKeySchema, tag: instanceTagSchema });

/** Null: any program may write what it likes into its own environment. */
function readMark(text: string): Machine["mark"] | null {
  try {
    return markSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

const handleOf = ({ mark, pid }: Machine): InstanceHandle => ({
  ...{ ...mark, ref: { pid }, madeAt: null },
});
