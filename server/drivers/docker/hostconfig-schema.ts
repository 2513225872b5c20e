/**
 * `hostconfig`: how a container is held by its host. Buildbot's documents name its fields as Docker's
 * Python client does (`mem_limit`), the engine's manual as the engine does (`Memory`); both are known.
 */
import { z } from "zod";

/** The Python client's name: the engine's. */
export const HOST_CONFIG_NAMES: Readonly<Record<string, string>> = {
  auto_remove: "AutoRemove",
  binds: "Binds",
  blkio_weight: "BlkioWeight",
  blkio_weight_device: "BlkioWeightDevice",
  cap_add: "CapAdd",
  cap_drop: "CapDrop",
  cgroup_parent: "CgroupParent",
  cgroupns: "CgroupnsMode",
  cpu_count: "CpuCount",
  cpu_percent: "CpuPercent",
  cpu_period: "CpuPeriod",
  cpu_quota: "CpuQuota",
  cpu_rt_period: "CpuRealtimePeriod",
  cpu_rt_runtime: "CpuRealtimeRuntime",
  cpu_shares: "CpuShares",
  cpuset_cpus: "CpusetCpus",
  cpuset_mems: "CpusetMems",
  device_cgroup_rules: "DeviceCgroupRules",
  device_read_bps: "BlkioDeviceReadBps",
  device_read_iops: "BlkioDeviceReadIOps",
  device_write_bps: "BlkioDeviceWriteBps",
  device_write_iops: "BlkioDeviceWriteIOps",
  device_requests: "DeviceRequests",
  devices: "Devices",
  dns: "Dns",
  dns_opt: "DnsOptions",
  dns_search: "DnsSearch",
  extra_hosts: "ExtraHosts",
  group_add: "GroupAdd",
  init: "Init",
  ipc_mode: "IpcMode",
  isolation: "Isolation",
  links: "Links",
  log_config: "LogConfig",
  mem_limit: "Memory",
  mem_reservation: "MemoryReservation",
  mem_swappiness: "MemorySwappiness",
  memswap_limit: "MemorySwap",
  mounts: "Mounts",
  nano_cpus: "NanoCpus",
  network_mode: "NetworkMode",
  oom_kill_disable: "OomKillDisable",
  oom_score_adj: "OomScoreAdj",
  pid_mode: "PidMode",
  pids_limit: "PidsLimit",
  port_bindings: "PortBindings",
  privileged: "Privileged",
  publish_all_ports: "PublishAllPorts",
  read_only: "ReadonlyRootfs",
  restart_policy: "RestartPolicy",
  runtime: "Runtime",
  security_opt: "SecurityOpt",
  shm_size: "ShmSize",
  storage_opt: "StorageOpt",
  sysctls: "Sysctls",
  tmpfs: "Tmpfs",
  ulimits: "Ulimits",
  userns_mode: "UsernsMode",
  uts_mode: "UTSMode",
  volume_driver: "VolumeDriver",
  volumes_from: "VolumesFrom",
};

/** The engine's own that the Python client has no name for. */
const MORE = ["Annotations", "Cgroup", "ConsoleSize", "MaskedPaths", "ReadonlyPaths"];
const KNOWN = new Set([...Object.values(HOST_CONFIG_NAMES), ...MORE]);

const NO_MAP = "must be a map, such as {mem_limit: 512m}";

export const hostconfigSchema = z
  .record(z.string(), z.json(), { error: NO_MAP })
  .superRefine((value, context) => {
    for (const key of Object.keys(value)) {
      if (Object.hasOwn(HOST_CONFIG_NAMES, key) || KNOWN.has(key)) continue;
      const meant = meantBy(key);
      const message = `is no setting of a container's host${meant ? `: did you mean ${meant}?` : ""}`;
      context.addIssue({ code: "custom", path: [key], message });
    }
  });

/** The same setting in other letters. */
function meantBy(key: string): string | undefined {
  const plain = (text: string) => text.toLowerCase().replaceAll("_", "");
  const known = [...Object.keys(HOST_CONFIG_NAMES), ...KNOWN];
  return known.find((name) => plain(name) === plain(key));
}
