/**
 * Whether the installation can do its work: the database and the queue answer, and a process of each
 * kind holds its lease. Answers in time even when PostgreSQL does not answer at all.
 */
import type { OrgDatabase } from "../../db/org-database";

export interface HealthDeps {
  readonly db: OrgDatabase;
  readonly queueAnswers: () => Promise<boolean>;
  readonly patienceMs: number;
}

export interface Health {
  readonly status: "ok" | "unavailable";
  /** What is not there, each in a few words. */
  readonly missing: readonly string[];
  /** How many of each kind hold their lease; null: nobody could say. */
  readonly processes: Readonly<Record<string, number>> | null;
}

const KINDS = ["web", "socket", "jobs"] as const;

/** Probes that come while one is under way share its answer: a hanging database costs one connection. */
export function createHealthCheck(deps: HealthDeps): () => Promise<Health> {
  let asking: Promise<Record<string, number>> | null = null;

  function processes(): Promise<Record<string, number>> {
    asking ??= countProcesses(deps.db).finally(() => {
      asking = null;
    });
    return asking;
  }

  return async () => {
    const [counts, hasQueue] = await Promise.all([
      inTime(processes(), deps.patienceMs),
      inTime(deps.queueAnswers(), deps.patienceMs),
    ]);
    const missing = [
      ...(counts === null ? ["database"] : KINDS.filter((kind) => !counts[kind]).map(named)),
      ...(hasQueue ? [] : ["queue"]),
    ];
    return { status: missing.length === 0 ? "ok" : "unavailable", missing, processes: counts };
  };
}

const named = (kind: string) => `${kind} process`;

async function countProcesses(db: OrgDatabase): Promise<Record<string, number>> {
  const rows = await db.within({}, (tx) =>
    tx.rows<{ kind: string; n: number }>(
      `select kind, count(*) as n from process
       where gone_at is null and lease_expires_at > now() group by kind`,
    ),
  );
  return Object.fromEntries(rows.map(({ kind, n }) => [kind, n]));
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
