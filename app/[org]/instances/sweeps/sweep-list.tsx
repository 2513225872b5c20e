"use client";

import { duration } from "@/app/_client/format";
import { type StateName, Status } from "@/app/_features/status";
import { Ago } from "@/app/_ui/time";
import type { SweepDetail, SweepRow } from "@/server/api/instances/sweeps";

const ACTIONS: Readonly<Record<SweepDetail["action"], string>> = {
  sighted: "seen once; stopped if it is there the next time",
  "too-young": "too young to judge",
  stopped: "stopped",
  "would-stop": "would have been stopped (dry run)",
  "not-stopped": "could not be stopped",
  told: "its worker was told",
  spared: "spared: its worker is connected",
  "left-alone": "left alone",
};

/** One report for each sweep: what the provider listed, what did not belong, what was done. */
export function SweepList(props: { sweeps: readonly SweepRow[]; isEventful: boolean }) {
  if (props.sweeps.length === 0) {
    return (
      <p className="text-muted">
        {props.isEventful
          ? "No sweep found anything amiss."
          : "Nothing was swept yet; the first sweep is due within minutes."}
      </p>
    );
  }
  return (
    <ol aria-label="Reports">
      {props.sweeps.map((sweep) => (
        <li key={sweep.id} className="border-b border-line py-2">
          <p className="flex flex-wrap items-baseline gap-x-4 gap-y-0.5">
            <Status state={stateOf(sweep)} word={wordOf(sweep)} title="" />
            <span className="min-w-0 break-all">{sweep.account}</span>
            <span className="text-muted">
              <Ago at={sweep.at} />, in {duration(sweep.durationMs)}
            </span>
            <span className="text-muted">
              {sweep.seen} seen, {sweep.known} known
              {sweep.orphans > 0 ? `, ${sweep.orphans} of nobody` : ""}
              {sweep.stopped > 0 ? `, ${sweep.stopped} stopped` : ""}
              {sweep.missing > 0 ? `, ${sweep.missing} missing` : ""}
              {sweep.isDryRun ? "; dry run" : ""}
            </span>
          </p>
          {sweep.error === null ? null : (
            <p className="num mt-1 text-[12.5px] break-words">{sweep.error}</p>
          )}
          {sweep.details.length === 0 ? null : (
            <ul className="mt-1 space-y-0.5 pl-6 text-muted">
              {sweep.details.map((detail) => (
                <li key={`${detail.key}${detail.kind}`} className="break-words">
                  <span className="num text-fg">{detail.key}</span>: {detail.why};{" "}
                  {ACTIONS[detail.action] ?? detail.action}
                  {detail.error ? `: ${detail.error}` : ""}
                </li>
              ))}
            </ul>
          )}
        </li>
      ))}
    </ol>
  );
}

function stateOf(sweep: SweepRow): StateName {
  if (sweep.error !== null) return "exception";
  return hasFound(sweep) ? "warnings" : "success";
}

function wordOf(sweep: SweepRow): string {
  if (sweep.error !== null) return "no answer";
  if (sweep.isBack) return "answers again";
  return hasFound(sweep) ? "found something" : "all in order";
}

const hasFound = ({ orphans, missing, details }: SweepRow) =>
  orphans + missing > 0 || details.some(({ kind }) => kind === "unclear");
