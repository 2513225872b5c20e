/**
 * A libvirtd and a QEMU of the tests' own, apart from any other on this host. As root it is a system
 * daemon that sees its own /etc/libvirt, /run/libvirt and /var/lib/libvirt; as anybody else, a session's.
 * There is no hardware acceleration: what runs in its machines is slow, and the same everywhere.
 */
import { execFileSync, spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

export interface TestHypervisor {
  readonly uri: string;
  readonly env: Readonly<Record<string, string>>;
  /** For disks: whatever runs the machines may write here. */
  readonly folder: string;
  virsh(...args: string[]): string;
  /** Names of the domains that are active. */
  active(): string[];
  /** The process of a domain; null when it has none. */
  pidOf(name: string): number | null;
  /** How many programs wait for what it says by itself. */
  listeners(): number;
  /** With all that runs in it. */
  stop(): Promise<void>;
}

const NEEDED = ["virsh", "libvirtd", "qemu-img", "qemu-system-x86_64"];
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const START_MS = 60_000;

/** Kept between runs: what QEMU can do, kernels, images. */
export const cacheFolder = () => {
  const folder = join(tmpdir(), `slipway-test-cache-${userInfo().uid}`);
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  return folder;
};

/** @returns null when machines can be started here, or why not */
export function whyNoHypervisor(): string | null {
  if (process.platform !== "linux" || process.arch !== "x64") return "only on Linux, x86-64";
  const missing = NEEDED.filter((name) => !findProgram(name));
  if (missing.length > 0) return `${missing.join(", ")} missing on this host`;
  if (!existsSync("/usr/lib/x86_64-linux-gnu/libvirt/connection-driver/libvirt_driver_qemu.so")) {
    return "libvirt's driver for QEMU is missing on this host";
  }
  if (userInfo().uid !== 0) return null;
  try {
    execFileSync("unshare", ["-m", "true"], { stdio: "ignore" });
    return null;
  } catch {
    return "root may not have mounts of its own here";
  }
}

export function findProgram(name: string): string | null {
  return (
    PATH.split(":")
      .map((folder) => join(folder, name))
      .find((path) => existsSync(path)) ?? null
  );
}

export async function startHypervisor(): Promise<TestHypervisor> {
  const folder = mkdtempSync(join(tmpdir(), "slipway-libvirt-"));
  execFileSync("chmod", ["755", folder]);
  const daemon = userInfo().uid === 0 ? systemDaemon(folder) : sessionDaemon(folder);
  const { uri, env, socket } = daemon;
  const child = spawn(daemon.program, daemon.args, {
    env,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let said = "";
  child.stdout.on("data", (chunk) => {
    said += chunk;
  });
  child.stderr.on("data", (chunk) => {
    said += chunk;
  });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const virsh = (...args: string[]) =>
    execFileSync("virsh", ["-q", "-c", uri, ...args], {
      env,
      encoding: "utf8",
      timeout: START_MS,
      stdio: ["ignore", "pipe", "pipe"],
    });
  const active = () =>
    virsh("list", "--name")
      .split("\n")
      .filter((name) => name !== "");
  const hypervisor: TestHypervisor = {
    ...{ uri, env, folder, virsh, active, pidOf, listeners: () => listenersAt(uri) },
    async stop() {
      try {
        for (const name of active()) virsh("destroy", name);
      } finally {
        child.kill("SIGTERM");
        await exited;
        rmSync(folder, { recursive: true, force: true });
      }
    },
  };
  const giveUpAt = Date.now() + START_MS;
  while (!existsSync(socket)) {
    if (child.exitCode !== null || Date.now() > giveUpAt) throw new Error(`libvirtd: ${said}`);
    await sleep(20);
  }
  // The first question makes it look at QEMU, which takes seconds.
  virsh("version");
  return hypervisor;
}

interface Daemon {
  readonly program: string;
  readonly args: string[];
  readonly uri: string;
  readonly env: Record<string, string> & NodeJS.ProcessEnv;
  readonly socket: string;
}

const QEMU_CONF = [
  ...['user = "root"', 'group = "root"', "dynamic_ownership = 0", 'security_driver = "none"'],
  ...['stdio_handler = "file"', "cgroup_controllers = []", "namespaces = []", ""],
].join("\n");

/** With the account that QEMU is to run under, whether or not this host has it. */
const SYSTEM = `set -e
for d in /run/libvirt /var/lib/libvirt /var/log/libvirt /etc/libvirt; do mkdir -p $d; mount -t tmpfs slipway $d; done
mkdir -p /var/cache/libvirt /var/lib/libvirt/qemu /var/lib/libvirt/dnsmasq
mount --bind "$2" /var/cache/libvirt
cp "$1/qemu.conf" /etc/libvirt/
(cat /etc/passwd; echo libvirt-qemu:x:0:0::/:/bin/false) > "$1/passwd"
(cat /etc/group; echo libvirt-qemu:x:0:) > "$1/group"
mount --bind "$1/passwd" /etc/passwd
mount --bind "$1/group" /etc/group
exec libvirtd -f "$1/libvirtd.conf" --pid-file "$1/libvirtd.pid"`;

function systemDaemon(folder: string): Daemon {
  const sockets = join(folder, "s");
  const cache = join(cacheFolder(), "libvirt");
  for (const each of [sockets, cache]) mkdirSync(each, { recursive: true });
  const access = ["auth_unix_rw", "auth_unix_ro"].map((name) => `${name} = "none"\n`).join("");
  writeFileSync(
    join(folder, "libvirtd.conf"),
    `${access}unix_sock_group = "root"\nunix_sock_dir = "${sockets}"\n`,
  );
  writeFileSync(join(folder, "qemu.conf"), QEMU_CONF);
  const socket = join(sockets, "libvirt-sock");
  return {
    ...{ program: "unshare", args: ["-m", "sh", "-c", SYSTEM, "sh", folder, cache], socket },
    uri: `qemu+unix:///system?socket=${socket}`,
    env: { PATH, HOME: folder, LC_ALL: "C" } as unknown as Daemon["env"],
  };
}

function sessionDaemon(folder: string): Daemon {
  const at = (name: string) => {
    mkdirSync(join(folder, name, "libvirt"), { recursive: true, mode: 0o700 });
    return join(folder, name);
  };
  const cache = join(cacheFolder(), "session");
  const [run, config] = [at("run"), at("config")];
  writeFileSync(join(config, "libvirt/qemu.conf"), 'stdio_handler = "file"\n');
  const folders = { XDG_RUNTIME_DIR: run, XDG_CONFIG_HOME: config, XDG_DATA_HOME: at("data") };
  return {
    ...{ program: "libvirtd", args: ["--pid-file", join(folder, "libvirtd.pid")] },
    ...{ uri: "qemu:///session", socket: join(run, "libvirt/libvirt-sock") },
    env: {
      PATH,
      HOME: folder,
      LC_ALL: "C",
      ...folders,
      XDG_CACHE_HOME: cache,
    } as unknown as Daemon["env"],
  };
}

const pidOf = (name: string): number | null =>
  running().find(({ said }) => said.includes("qemu-system") && said.includes(`guest=${name},`))
    ?.pid ?? null;

const listenersAt = (uri: string): number =>
  running().filter(({ said }) => said.startsWith("virsh\0") && said.includes(`${uri}\0event\0`))
    .length;

/** Programs of this host, as they were called. */
function running(): { readonly pid: number; readonly said: string }[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((pid) => {
      try {
        return [{ pid: Number(pid), said: readFileSync(`/proc/${pid}/cmdline`, "utf8") }];
      } catch {
        // Over meanwhile.
        return [];
      }
    });
}
