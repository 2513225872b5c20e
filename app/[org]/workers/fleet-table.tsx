"use client";

import Link from "next/link";
import { memo, useRef } from "react";
import { useCommands } from "@/app/_client/commands";
import { routes } from "@/app/_client/navigation";
import { BusyStrip } from "@/app/_features/busy-strip";
import { useOrg } from "@/app/_shell/org";
import type { BusyDay } from "@/server/api/workers/busy";
import type { WorkerRow } from "@/server/api/workers/row";
import { LastResults } from "./last-results";
import { WorkerState } from "./worker-state";

type Choose = (workers: readonly { id: number; name: string }[], isOn: boolean) => void;

/** One page of the fleet. Rows are walked with j and k, chosen with x. */
export function FleetTable(props: {
  workers: readonly WorkerRow[];
  /** The rows of another filter or page, until these are there. */
  isStale: boolean;
  busy: { slots: number; days: readonly BusyDay[] } | undefined;
  /** null: the reader may not act on workers. */
  chosen: ReadonlyMap<number, string> | null;
  isPageChosen: boolean;
  onChoose: Choose;
}) {
  const { workers, chosen, busy, onChoose } = props;
  const body = useRef<HTMLTableSectionElement>(null);
  const here = () => document.activeElement?.closest("tr");
  const walk = (by: 1 | -1) => {
    const rows = [...(body.current?.rows ?? [])];
    const at = rows.indexOf(here() as HTMLTableRowElement);
    const next = rows[at < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, at + by))];
    next?.querySelector<HTMLElement>("th a")?.focus();
  };
  useCommands([
    { id: "row-next", label: "Next worker", keys: "j", group: "List", run: () => walk(1) },
    { id: "row-before", label: "Worker before", keys: "k", group: "List", run: () => walk(-1) },
    ...(chosen
      ? [
          {
            id: "row-choose",
            label: "Choose the worker",
            keys: "x",
            group: "List",
            run: () => here()?.querySelector<HTMLElement>("input[type=checkbox]")?.click(),
          },
        ]
      : []),
  ]);
  const days = new Map(busy?.days.map((day) => [day.workerId, day]));
  if (workers.length === 0) {
    return <p className="py-4 text-muted">No worker is like this. Take a filter away.</p>;
  }
  return (
    <table className={`rows ${props.isStale ? "opacity-60" : ""}`} aria-busy={props.isStale}>
      <thead className="max-md:sr-only">
        <tr>
          {chosen ? (
            <th className="w-8">
              <input
                type="checkbox"
                aria-label="Choose all on this page"
                checked={props.isPageChosen}
                onChange={() => onChoose(workers, !props.isPageChosen)}
              />
            </th>
          ) : null}
          <th>Worker</th>
          <th>State</th>
          <th>Last 24 hours</th>
          <th>Last results</th>
          <th className="max-xl:hidden">Version</th>
          <th className="max-lg:hidden">Protocol</th>
        </tr>
      </thead>
      <tbody ref={body}>
        {workers.map((worker) => (
          <Row
            key={worker.id}
            worker={worker}
            day={busy ? (days.get(worker.id) ?? null) : undefined}
            slots={busy?.slots ?? 144}
            isChosen={chosen ? chosen.has(worker.id) : null}
            onChoose={onChoose}
          />
        ))}
      </tbody>
    </table>
  );
}

const Row = memo(
  FleetRow,
  (a, b) =>
    a.worker === b.worker && a.day === b.day && a.slots === b.slots && a.isChosen === b.isChosen,
);

function FleetRow(props: {
  worker: WorkerRow;
  day: BusyDay | null | undefined;
  slots: number;
  isChosen: boolean | null;
  onChoose: Choose;
}) {
  const { worker, isChosen } = props;
  const org = useOrg();
  return (
    <tr
      aria-selected={isChosen ?? undefined}
      className="max-md:grid max-md:grid-cols-[28px_1fr_auto] max-md:items-center max-md:gap-x-2 max-md:border-b max-md:border-line max-md:py-2 max-md:*:h-auto max-md:*:border-0 max-md:*:p-0"
    >
      {isChosen === null ? null : (
        <td className="w-8">
          <input
            type="checkbox"
            aria-label={`Choose ${worker.name}`}
            checked={isChosen}
            onChange={() => props.onChoose([worker], !isChosen)}
          />
        </td>
      )}
      <th
        scope="row"
        className="max-md:col-start-2 md:min-w-28 md:max-w-64 lg:max-w-80 [overflow-wrap:anywhere]"
      >
        <Link
          href={routes.worker(org.slug, worker.id)}
          prefetch={false}
          className="font-semibold hover:underline"
        >
          {worker.name}
        </Link>
      </th>
      <td className="max-md:col-span-2 max-md:col-start-2 max-md:row-start-2">
        <WorkerState worker={worker} />
      </td>
      <td className="max-md:col-span-2 max-md:col-start-2 max-md:row-start-3">
        <BusyStrip day={props.day} slots={props.slots} />
      </td>
      <td className="max-md:col-start-3 max-md:row-start-1">
        <LastResults worker={worker} />
      </td>
      <td className="num max-xl:hidden">
        {worker.version ?? <span className="text-faint">–</span>}
      </td>
      <td className="num max-lg:hidden">
        {worker.isConnected ? worker.protocol : <span className="text-faint">–</span>}
      </td>
    </tr>
  );
}
