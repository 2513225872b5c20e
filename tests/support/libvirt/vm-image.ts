/**
 * An image for machines of the tests: a kernel of Debian's, busybox, Node and our worker, which reads
 * from its second disk who it is, logs in, and puts the machine out when it ends. Made on this host
 * without mounting anything, and kept; it boots in 5 to 15 seconds without acceleration.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { workerProgram } from "../slipway-worker";
import { cacheFolder, findProgram } from "./hypervisor";

export interface VmImage {
  readonly kernel: string;
  readonly initrd: string;
  /** qcow2; its root file system. */
  readonly base: string;
}

/** In the order in which they are loaded. */
const MODULES = [
  ...[
    "drivers/virtio/virtio_ring",
    "drivers/virtio/virtio",
    "drivers/virtio/virtio_pci_legacy_dev",
  ],
  ...[
    "drivers/virtio/virtio_pci_modern_dev",
    "drivers/virtio/virtio_pci",
    "drivers/block/virtio_blk",
  ],
  ...["net/core/failover", "drivers/net/net_failover", "drivers/net/virtio_net"],
];

const INIT = `#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
for m in ${MODULES.map((module) => module.split("/").at(-1)).join(" ")}; do insmod /$m.ko; done
i=0; while [ ! -b /dev/vdb ] && [ $i -lt 400 ]; do usleep 50000; i=$((i+1)); done
mount -t ext4 -o rw /dev/vda /mnt || { echo "no root disk"; poweroff -f; }
for d in proc sys dev; do mount --move /$d /mnt/$d; done
exec switch_root /mnt /sbin/vm
`;

/** The login is taken apart, not run. */
const MAIN = `#!/bin/sh
export PATH=/bin HOME=/root
mount -t tmpfs tmp /tmp
ip link set lo up; ip addr add 10.0.2.15/24 dev eth0; ip link set eth0 up; ip route add default via 10.0.2.2
while IFS='=' read -r name value; do
  case $name in
    BUILDMASTER) host=$value;; BUILDMASTER_PORT) port=$value;; BUILDMASTER_PROTOCOL) protocol=$value;;
    WORKERNAME) worker=$value;; WORKERPASS) export SLIPWAY_WORKER_PASSWORD=$value;;
  esac
done <<X
$(tr -d '\\000' < /dev/vdb)
X
node /worker.mjs run --basedir /work --master $host:$port --protocol $protocol --name $worker --maxretries 8
echo "worker ended: $?"
poweroff -f
`;

/** @throws Error when the kernel cannot be had */
export async function vmImage(): Promise<VmImage> {
  const program = await workerProgram();
  const hash = createHash("sha256").update([process.version, program, INIT, MAIN].join("\n"));
  const folder = join(cacheFolder(), `vm-${hash.digest("hex").slice(0, 12)}`);
  const image = {
    kernel: join(folder, "vmlinuz"),
    initrd: join(folder, "initrd"),
    base: join(folder, "base.qcow2"),
  };
  if (existsSync(folder)) return image;
  const work = mkdtempSync(join(tmpdir(), "slipway-vm-"));
  try {
    const made = join(work, "made");
    mkdirSync(made);
    const modules = unpackKernel(work, join(made, "vmlinuz"));
    makeInitrd(join(work, "initrd"), modules, join(made, "initrd"));
    makeBase(work, program, join(made, "base.qcow2"));
    chmodSync(made, 0o755);
    for (const old of within(cacheFolder(), "vm-")) rmSync(old, { recursive: true });
    renameSync(made, folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return image;
}

function unpackKernel(work: string, kernel: string): string {
  const kept = () => within(cacheFolder(), "linux-image-")[0];
  if (!kept()) {
    const depends = execFileSync("apt-cache", ["depends", "linux-image-cloud-amd64"], {
      encoding: "utf8",
    });
    const name = /Depends: (linux-image-\S+)/.exec(depends)?.[1];
    if (!name) throw new Error("this host's package lists know no kernel");
    execFileSync("apt-get", ["-qq", "download", name], { cwd: cacheFolder(), stdio: "ignore" });
  }
  const at = join(work, "kernel");
  execFileSync("dpkg-deb", ["-x", kept() as string, at]);
  cpSync(within(join(at, "boot"), "vmlinuz-")[0] as string, kernel);
  return join(within(join(at, "lib/modules"), "")[0] as string, "kernel");
}

function makeInitrd(root: string, modules: string, to: string): void {
  for (const name of ["bin", "proc", "sys", "dev", "mnt"])
    mkdirSync(join(root, name), { recursive: true });
  copyProgram("busybox", root, "bin/busybox");
  for (const module of MODULES)
    cpSync(join(modules, `${module}.ko`), join(root, `${module.split("/").at(-1)}.ko`));
  writeFileSync(join(root, "init"), INIT, { mode: 0o755 });
  execFileSync("sh", [
    "-c",
    'cd "$1" && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1 > "$2"',
    "sh",
    root,
    to,
  ]);
}

function makeBase(work: string, program: string, to: string): void {
  const root = join(work, "root");
  for (const name of ["bin", "sbin", "proc", "sys", "dev", "tmp", "root", "work", "etc"]) {
    mkdirSync(join(root, name), { recursive: true });
  }
  copyProgram("busybox", root, "bin/busybox");
  for (const name of execFileSync("busybox", ["--list"], { encoding: "utf8" }).split("\n")) {
    if (name !== "" && name !== "busybox") symlinkSync("busybox", join(root, "bin", name));
  }
  copyProgram(process.execPath, root, "bin/node");
  writeFileSync(join(root, "worker.mjs"), program);
  writeFileSync(join(root, "etc/passwd"), "root:x:0:0::/root:/bin/sh\n");
  writeFileSync(join(root, "sbin/vm"), MAIN, { mode: 0o755 });
  const raw = join(work, "raw");
  execFileSync("mke2fs", ["-q", "-t", "ext4", "-d", root, raw, "256M"], {
    env: { PATH: "/usr/sbin:/sbin:/usr/bin:/bin" } as unknown as NodeJS.ProcessEnv,
  });
  execFileSync("qemu-img", ["convert", "-O", "qcow2", raw, to]);
}

const within = (folder: string, start: string) =>
  readdirSync(folder)
    .filter((name) => name.startsWith(start))
    .map((name) => join(folder, name));

/** With the libraries that it wants, where it wants them. */
function copyProgram(program: string, root: string, to: string): void {
  const path = program.startsWith("/") ? program : findProgram(program);
  if (!path) throw new Error(`${program} is missing on this host`);
  cpSync(path, join(root, to), { dereference: true });
  let wanted = "";
  try {
    wanted = execFileSync("ldd", [path], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  } catch {
    // It wants none.
  }
  for (const [library] of wanted.matchAll(/\/\S+(?= \(0x)/g)) {
    mkdirSync(dirname(join(root, library)), { recursive: true });
    cpSync(library, join(root, library), { dereference: true });
  }
}

/** A domain that boots the image; the driver's placeholders stand in it. */
export function vmDomain({ kernel, initrd }: VmImage): string {
  return `<domain type='qemu'>
  <name>{{name}}</name><memory unit='MiB'>320</memory><vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type><kernel>${kernel}</kernel><initrd>${initrd}</initrd>
    <cmdline>console=ttyS0 panic=-1 quiet</cmdline></os>
  <features><acpi/></features><cpu mode='maximum'/>
  <on_poweroff>destroy</on_poweroff><on_reboot>destroy</on_reboot><on_crash>destroy</on_crash>
  <devices>
    <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='{{hd_image}}'/><target dev='vda' bus='virtio'/></disk>
    <disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{{login_image}}'/><target dev='vdb' bus='virtio'/><readonly/></disk>
    <interface type='user'><model type='virtio'/></interface>
    <serial type='file'><source path='{{console}}'/></serial><memballoon model='none'/>
  </devices>
</domain>`;
}
