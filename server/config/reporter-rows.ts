/** Reporters as rows: added, changed, or marked as removed; never deleted. */
import type { Queryable } from "../db/pool";
import type { OrgId } from "../domain/ids";
import { type ReporterOptions, reporterName } from "../reporters/reporter-schema";
import { type Changes, noteWritten } from "./changes";
import { canonicalJson } from "./compile";

interface Row {
  readonly id: number;
  readonly name: string;
  readonly kind: string;
  readonly config: unknown;
  readonly gone: boolean;
}

export async function writeReporters(
  tx: Queryable,
  orgId: OrgId,
  reporters: readonly ReporterOptions[],
  changes: Changes,
): Promise<void> {
  const rows = await tx.rows<Row>(
    "select id, name, kind, config, removed_at is not null as gone from reporter where org_id = $1",
    [orgId],
  );
  const known = new Map(rows.map((row) => [row.name, row]));
  const written = reporters.flatMap((options) => {
    const name = reporterName(options);
    const { type: kind, name: _, ...config } = options;
    const row = known.get(name);
    if (row && isSame(row, kind, config)) return [];
    noteWritten(changes, `reporter ${name}`, row);
    return [{ name, kind, config }];
  });
  if (written.length > 0) {
    await tx.rows(
      `insert into reporter (org_id, name, kind, config)
       select $1, w.* from jsonb_to_recordset($2::jsonb) as w (name text, kind text, config jsonb)
       on conflict (org_id, name) do update set kind = excluded.kind, config = excluded.config, removed_at = null`,
      [orgId, JSON.stringify(written)],
    );
  }
  const wanted = new Set(reporters.map(reporterName));
  const removed = rows.filter((row) => !row.gone && !wanted.has(row.name));
  if (removed.length === 0) return;
  await tx.rows("update reporter set removed_at = now() where id = any($1)", [
    removed.map(({ id }) => id),
  ]);
  changes.removed.push(...removed.map(({ name }) => `reporter ${name}`));
}

function isSame(row: Row, kind: string, config: object): boolean {
  return !row.gone && row.kind === kind && canonicalJson(row.config) === canonicalJson(config);
}
