/**
 * Lines of workers' histories, written in the statement that makes them true. All that is given here
 * is SQL of ours over the rows of `from`; values come in as parameters of the statement.
 */
import type { WorkerEventKind } from "../domain/workers/history";

export interface HistoryLine {
  readonly kind: WorkerEventKind;
  /** A named statement with the columns org_id and `worker`. */
  readonly from: string;
  readonly reason: string;
  readonly actor: string;
  readonly worker?: string;
  readonly where?: string;
}

/** Several lines are written in the order in which they are given. */
export function historySql(...lines: readonly HistoryLine[]): string {
  return `insert into worker_event (org_id, worker_id, kind, reason, actor) ${lines.map(select).join(" union all ")}`;
}

function select({ kind, from, reason, actor, worker = "worker_id", where }: HistoryLine): string {
  const rows = where === undefined ? from : `${from} where ${where}`;
  return `select org_id, ${worker}, '${kind}', ${reason}, ${actor} from ${rows}`;
}
