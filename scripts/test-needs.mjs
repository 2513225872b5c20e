import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { run, say } from "./run.mjs";

/** Programs of the system that suites use, and the Debian package that brings each. */
const NEEDS = [
  { program: "git", aptPackage: "git" },
  { program: "redis-server", aptPackage: "redis-server" },
  { program: "buildbot-worker", aptPackage: "buildbot-worker" },
  { program: "buildbot", aptPackage: "buildbot" },
  { program: "dockerd", aptPackage: "docker.io" },
  { program: "docker-registry", aptPackage: "docker-registry" },
  { program: "busybox", aptPackage: "busybox-static" },
  { program: "pg_dump", aptPackage: "postgresql" },
  { program: "chromium", aptPackage: "chromium", setting: "SLIPWAY_TEST_CHROMIUM" },
  ...(process.arch === "x64" ? machines() : []),
];

/** For virtual machines under a libvirt of the tests' own. */
function machines() {
  return [
    { program: "virsh", aptPackage: "libvirt-clients" },
    { program: "libvirtd", aptPackage: "libvirt-daemon" },
    {
      program: "/usr/lib/x86_64-linux-gnu/libvirt/connection-driver/libvirt_driver_qemu.so",
      aptPackage: "libvirt-daemon-driver-qemu",
    },
    { program: "qemu-system-x86_64", aptPackage: "qemu-system-x86" },
    { program: "qemu-img", aptPackage: "qemu-utils" },
    { program: "busybox", aptPackage: "busybox-static" },
    { program: "mke2fs", aptPackage: "e2fsprogs" },
  ];
}

/** Where a program lies, from its setting or from PATH; `null` when it is missing. */
export function findProgram(program) {
  const { setting } = NEEDS.find((need) => need.program === program) ?? {};
  if (setting && process.env[setting]) return process.env[setting];
  if (program.startsWith("/")) return existsSync(program) ? program : null;
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path)) ?? null;
}

/**
 * Installs what is missing where that is possible: as root, with apt-get.
 *
 * @returns {Promise<string[]>} why something is still missing, one line for each program; suites
 *   that need it skip themselves
 */
export async function ensurePrograms() {
  const missing = NEEDS.filter(({ program }) => findProgram(program) === null);
  if (missing.length === 0) return [];
  const names = missing.map(({ aptPackage }) => aptPackage);
  let why = "";
  if (process.getuid?.() !== 0) why = "not root, so apt-get cannot install it";
  else if (findProgram("apt-get") === null) why = "this system has no apt-get";
  else why = await aptInstall(names);
  return missing
    .filter(({ program }) => findProgram(program) === null)
    .map(({ program, aptPackage }) => `${program} (package ${aptPackage}) is missing: ${why}`);
}

/** @returns why it failed, should it have failed */
async function aptInstall(names) {
  say(`installing ${names.join(", ")} with apt-get`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const apt = (...args) =>
    run("apt-get", ["-q", "-y", "-o", "DPkg::Lock::Timeout=300", ...args], {
      env,
      timeoutMs: 10 * 60_000,
    });
  await apt("update");
  // One by one: a package that this system does not have must not keep the others away.
  const failures = [];
  for (const name of names) {
    const { status, output } = await apt("install", "--no-install-recommends", name);
    if (status !== 0) failures.push(output.trim().split("\n").at(-1));
  }
  return failures.length > 0 ? `apt-get: ${failures.join("; ")}` : "its package does not bring it";
}
