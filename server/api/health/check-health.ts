/**
 * Whether the installation can do its work: the database and the queue answer, and a process of each
 * kind holds its lease. Answers in time even when PostgreSQL does not answer at all.
 */
import type { OrgDatabase } from "../../db/org-database";
import { STOP_ALARM_SECONDS } from "../../domain/latent";

export interface HealthDeps {
  readonly db: OrgDatabase;
  readonly queueAnswers: () => Promise<boolean>;
  readonly patienceMs: number;
}

export interface Health {
  readonly status: "ok" | "unavailable";
  /** What is not there, each in a few words. */
  readonly missing: readonly string[];
  /** What works, and yet wants somebody to look at it. */
  readonly warnings: readonly string[];
  /** How many of each kind hold their lease; null: nobody could say. */
  readonly processes: Readonly<Record<string, number>> | null;
}

const KINDS = ["web", "socket", "jobs"] as const;

/** Probes that come while one is under way share its answer: a hanging database costs one connection. */
export function createHealthCheck(deps: HealthDeps): () => Promise<Health> {
  let asking: Promise<Counts> | null = null;

  function counted(): Promise<Counts> {
    asking ??= count(deps.db).finally(() => {
      asking = null;
    });
    return asking;
  }

  return async () => {
    const [counts, hasQueue] = await Promise.all([
      inTime(counted(), deps.patienceMs),
      inTime(deps.queueAnswers(), deps.patienceMs),
    ]);
    const missing = [
      ...(counts === null
        ? ["database"]
        : KINDS.filter((kind) => !counts.processes[kind]).map(named)),
      ...(hasQueue ? [] : ["queue"]),
    ];
    const status = missing.length === 0 ? "ok" : "unavailable";
    const overdue = counts?.overdueStops ?? 0;
    const warnings =
      overdue === 0 ? [] : [`${overdue} machines of latent workers cannot be stopped`];
    return { status, missing, warnings, processes: counts?.processes ?? null };
  };
}

const named = (kind: string) => `${kind} process`;

interface Counts {
  readonly processes: Record<string, number>;
  /** Machines that refuse to go, for as long as people are told of it. */
  readonly overdueStops: number;
}

async function count(db: OrgDatabase): Promise<Counts> {
  const [row] = await db.within({}, (tx) =>
    tx.rows<Counts>(
      `select overdue_stops($1)::int as "overdueStops", (
         select coalesce(jsonb_object_agg(kind, n), '{}') from (
           select kind, count(*) as n from process
           where gone_at is null and lease_expires_at > now() group by kind) p) as processes`,
      [STOP_ALARM_SECONDS],
    ),
  );
  if (!row) throw new Error("a statement without a row");
  return row;
}

/** Null when it fails or takes too long. */
async function inTime<T>(promise: Promise<T>, patienceMs: number): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), patienceMs);
  });
  try {
    return await Promise.race([promise, late]);
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
  }
}
