/** Samples to a table that a person reads: medians, least and most, ratios, what was aimed at. */
export interface Sample {
  readonly what: string;
  readonly peer: string;
  readonly round: number;
  readonly value: number;
  readonly unit: string;
  /** One-minute load average when it was taken. */
  readonly load: number;
  /** By process. */
  readonly parts?: Readonly<Record<string, number>>;
  /** What `value` is the median of. */
  readonly all?: readonly number[];
}

interface Sizes {
  readonly builds: number;
  readonly queued: number;
  readonly lines: number;
}

interface Row {
  readonly what: string;
  readonly title: (sizes: Sizes) => string;
  /** Slipway's figure divided by Buildbot's, or Slipway's alone. */
  readonly target?: {
    readonly of: "ratio" | "value";
    readonly most?: number;
    readonly least?: number;
  };
}

const ROWS: readonly Row[] = [
  {
    what: "latency",
    title: ({ builds }) => `trigger to finished, p50 of ${builds}, ms`,
    target: { of: "ratio", most: 0.25 },
  },
  {
    what: "cpu",
    title: () => "server CPU of each of those builds, ms",
    target: { of: "ratio", most: 0.4 },
  },
  {
    what: "few",
    title: ({ queued }) => `${queued} queued, 1 worker × 4, builds a minute`,
    target: { of: "ratio", least: 3 },
  },
  { what: "few-cpu", title: () => "server CPU of each of those builds, ms" },
  {
    what: "many",
    title: ({ queued }) => `${queued} queued, 20 workers × 1, builds a minute`,
    target: { of: "ratio", least: 4 },
  },
  { what: "many-cpu", title: () => "server CPU of each of those builds, ms" },
  {
    what: "log",
    title: ({ lines }) =>
      `${lines.toLocaleString("en")} lines of 80 bytes until readable, lines a second`,
    target: { of: "ratio", least: 3 },
  },
  { what: "log-cpu", title: () => "server CPU of that step, s" },
  { what: "memory", title: () => "memory at the peak, all processes, MB" },
  ...[20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000].flatMap((count): Row[] => [
    {
      what: `attach ${count}`,
      title: () => `${count} idle workers at once, until the last is attached, s`,
      target: { of: "ratio", most: 0.2 },
    },
    { what: `attach-cpu ${count}`, title: () => "server CPU until then, s" },
    {
      what: `paced ${count}`,
      title: () => `${count} that come 50 a second, each until it is attached, p50, ms`,
      target: { of: "ratio", most: 0.2 },
    },
    { what: `paced-cpu ${count}`, title: () => "server CPU of all those, s" },
    {
      what: `idle memory ${count}`,
      title: () => `memory of each of those ${count}, in the process that holds it, kB`,
      // Below that a runtime's garbage weighs more than the workers.
      ...(count >= 1_000 ? { target: { of: "ratio", most: 0.67 } as const } : {}),
    },
  ]),
  { what: "live p50", title: () => "a line printed until a browser hears of it, p50, ms" },
  { what: "live p99", title: () => "the same, p99, ms" },
  {
    what: "row commits",
    title: () => "commits that change rows, one-step build",
    target: { of: "value", most: 8 },
  },
  { what: "all commits", title: () => "all commits: with notifications and reads" },
  {
    what: "engine round trips",
    title: () => "round trips of the engine, one-step build",
    target: { of: "value", most: 15 },
  },
  ...(["slipway", "buildbot"] as const).flatMap((kind): Row[] => [
    {
      what: `docker ${kind}`,
      title: () => `build in a container of its own, ${kind}-worker, p50, ms`,
    },
    {
      what: `docker by hand ${kind}`,
      title: () => "docker run of the same image by hand, and the build, p50, ms",
    },
    {
      what: `docker ratio ${kind}`,
      title: () => "one divided by the other",
      target: { of: "value", most: 1.3 },
    },
  ]),
  {
    what: "on demand asked",
    title: () => "trigger until the provider of a latent worker is asked, p50, ms",
  },
  {
    what: "on demand alone",
    title: () => "trigger to finished on a worker that is there, p50, ms",
  },
  {
    what: "on demand during",
    title: () => "the same while 200 machines are being asked for, p50, ms",
  },
  {
    what: "on demand during ratio",
    title: () => "one divided by the other",
    target: { of: "value", most: 1.2 },
  },
  { what: "on demand beside", title: () => "the same while they are waited for, p50, ms" },
  {
    what: "on demand beside ratio",
    title: () => "one divided by the other",
    target: { of: "value", most: 1.2 },
  },
  { what: "on demand cpu", title: () => "server CPU of one of 50 machines that are asked for, ms" },
  { what: "on demand all asked", title: () => "until the last of the 200 providers was asked, ms" },
  { what: "queue round trips", title: () => "round trips of BullMQ beside it" },
];

const NOTES = `Slipway: all processes with PostgreSQL and its children. Buildbot: its one process, on SQLite. The null
master keeps nothing: it is what worker and wire cost here. Ends are told, not asked for: Slipway by LISTEN, Buildbot
by server-sent events. Commits and round trips are counted by a proxy in front of PostgreSQL, less what idles.`;

export function table(samples: readonly Sample[], sizes: Sizes): string {
  const lines = [
    "| | Slipway | Buildbot 3.7 | ratio | aim | null master | n | load |",
    "| --- | --- | --- | --- | --- | --- | --- | --- |",
  ];
  for (const row of ROWS) {
    const of = (peer: string) =>
      samples.filter((sample) => sample.what === row.what && sample.peer === peer);
    const [ours, theirs, ceiling] = [of("slipway"), of("buildbot"), of("null")];
    const all = [...ours, ...theirs, ...ceiling];
    if (all.length === 0) continue;
    const value = median(ours);
    const ratio = ours.length > 0 && theirs.length > 0 ? value / median(theirs) : null;
    lines.push(
      `| ${row.title(sizes)} | ${span(ours)} | ${span(theirs)} | ${ratio === null ? "" : round(ratio)} | ${aim(row, value, ratio)} | ${span(ceiling)} | ${Math.max(ours.length, theirs.length, ceiling.length)} | ${round(median(all.map(({ load }) => ({ value: load }))))} |`,
    );
  }
  return [...lines, "", NOTES, "", parts(samples)].join("\n");
}

function parts(samples: readonly Sample[]): string {
  const lines = ["| Slipway by process | CPU, share | memory, MB |", "| --- | --- | --- |"];
  const memory = samples.findLast(({ what, peer }) => what === "memory" && peer === "slipway");
  const cpu = samples.filter(({ what, peer }) => what === "cpu" && peer === "slipway");
  const names = Object.keys(memory?.parts ?? cpu[0]?.parts ?? {});
  if (names.length === 0) return "";
  const sum = (name: string) => cpu.reduce((all, sample) => all + (sample.parts?.[name] ?? 0), 0);
  const whole = names.reduce((all, name) => all + sum(name), 0);
  for (const name of names) {
    const share = whole > 0 ? `${Math.round((100 * sum(name)) / whole)} %` : "";
    lines.push(`| ${name} | ${share} | ${round(memory?.parts?.[name] ?? Number.NaN)} |`);
  }
  return lines.join("\n");
}

function aim({ target }: Row, value: number, ratio: number | null): string {
  if (!target) return "";
  const { most, least } = target;
  const got = target.of === "ratio" ? ratio : value;
  const text = most !== undefined ? `≤ ${most}` : `≥ ${least}`;
  if (got === null || Number.isNaN(got)) return text;
  const isMet = (most === undefined || got <= most) && (least === undefined || got >= least);
  return `${text} ${isMet ? "met" : "MISSED"}`;
}

function span(samples: readonly { readonly value: number }[]): string {
  if (samples.length === 0) return "";
  const values = samples.map(({ value }) => value);
  if (values.length === 1) return round(values[0] as number);
  return `${round(median(samples))} (${round(Math.min(...values))} – ${round(Math.max(...values))})`;
}

function median(samples: readonly { readonly value: number }[]): number {
  const sorted = samples.map(({ value }) => value).sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

function round(value: number): string {
  if (Number.isNaN(value)) return "";
  if (value >= 1_000) return Math.round(value).toLocaleString("en");
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
