/**
 * Reading the outbox by position.
 *
 * Ids are handed out before commits, so a row with a lower id may become visible later than one
 * with a higher. A position is therefore (transaction id, row id), and only rows of transactions
 * older than the oldest one still running are read: whatever commits later sorts behind them.
 */
import type { Queryable } from "../db/pool";
import type { JsonValue } from "../domain/properties";

export interface OutboxEvent {
  readonly orgId: number;
  /** `builds/12/finished`, as Buildbot spells event paths. */
  readonly topic: string;
  readonly body: Readonly<Record<string, JsonValue>>;
}

export interface Position {
  readonly xid: string;
  readonly id: number;
}

interface Row {
  id: number;
  xid: string;
  org_id: number;
  topic: string;
  body: Record<string, JsonValue>;
}

/** The position behind everything that is committed now. */
export async function currentPosition(q: Queryable): Promise<Position> {
  const [row] = await q.rows<{ xid: string }>(
    "select pg_snapshot_xmin(pg_current_snapshot())::text as xid",
  );
  return { xid: row?.xid ?? "0", id: 0 };
}

/** Events behind the position, oldest first, at most `limit`, and the position behind them. */
export async function readOutbox(
  q: Queryable,
  position: Position,
  limit: number,
): Promise<{ events: OutboxEvent[]; position: Position }> {
  const rows = await q.rows<Row>(
    {
      name: "read-outbox",
      text: `select id, xid::text as xid, org_id, topic, body from outbox
        where (xid, id) > ($1::xid8, $2::bigint) and xid < pg_snapshot_xmin(pg_current_snapshot())
        order by xid, id limit $3`,
    },
    [position.xid, position.id, limit],
  );
  const last = rows.at(-1);
  return {
    events: rows.map((row) => ({ orgId: row.org_id, topic: row.topic, body: row.body })),
    position: last ? { xid: last.xid, id: last.id } : position,
  };
}

/** Whether something behind the position is committed, but not to be read before others end. */
export async function isNewsHidden(q: Queryable, position: Position): Promise<boolean> {
  const rows = await q.rows(
    {
      name: "outbox-hidden",
      text: "select from outbox where (xid, id) > ($1::xid8, $2::bigint) order by xid, id limit 1",
    },
    [position.xid, position.id],
  );
  return rows.length > 0;
}
