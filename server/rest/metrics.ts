/**
 * `GET /{org}/api/v2/metrics`, and `GET /api/metrics?org=…`: figures of an organisation as Prometheus reads
 * them. Whoever scales machines from outside asks for `buildbot_pool_desired_workers` (K-038).
 */
import { readPools } from "../api/pools/row";
import type { Admission } from "./access";
import { instanceMetrics } from "./instance-metrics";

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly value: (pool: Figures) => number;
}

interface Figures {
  readonly queue: number;
  readonly desired: number;
  readonly options: { readonly maxWorkers: number };
  readonly counts: { readonly starting: number; readonly idle: number; readonly busy: number };
  readonly limits: readonly unknown[];
}

const METRICS: readonly Metric[] = [
  {
    name: "buildbot_pool_desired_workers",
    help: "Machines that the pool wants to have now.",
    value: ({ desired }) => desired,
  },
  {
    name: "buildbot_pool_queue",
    help: "Requests that wait and may use the pool.",
    value: ({ queue }) => queue,
  },
  {
    name: "buildbot_pool_starting_workers",
    help: "Machines on their way.",
    value: ({ counts }) => counts.starting,
  },
  {
    name: "buildbot_pool_idle_workers",
    help: "Machines without a build.",
    value: ({ counts }) => counts.idle,
  },
  {
    name: "buildbot_pool_busy_workers",
    help: "Machines with a build.",
    value: ({ counts }) => counts.busy,
  },
  {
    name: "buildbot_pool_max_workers",
    help: "Machines that the pool may have.",
    value: ({ options }) => options.maxWorkers,
  },
  {
    name: "buildbot_pool_is_limited",
    help: "1 when something keeps the pool from being as large as it wants.",
    value: ({ limits }) => Number(limits.length > 0),
  },
];

export async function readMetrics(admission: Admission): Promise<string> {
  const { pools, machines } = await admission.within(async (tx, asker) => {
    asker.mustBeAbleTo("view");
    const machines = await instanceMetrics(tx, admission.orgId);
    return { pools: await readPools(tx, admission, null), machines };
  });
  const lines = METRICS.flatMap(({ name, help, value }) => [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} gauge`,
    ...pools.map(({ pool }) => `${name}{pool="${label(pool.name)}"} ${value(pool)}`),
  ]);
  return `${[...lines, ...machines].join("\n")}\n`;
}

const label = (text: string) =>
  text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
