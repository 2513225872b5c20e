import type { ReactNode } from "react";
import { type StateName, StatusIcon } from "../status";

export interface Rung {
  readonly id: string;
  readonly title: ReactNode;
  readonly state: Extract<StateName, "success" | "failure" | "waiting" | "pending" | "running">;
  /** What is known of it, and what to do. */
  readonly body?: ReactNode;
}

const SAYS = {
  success: "done",
  failure: "fails here",
  waiting: "waiting",
  pending: "not yet",
  running: "running",
} as const;

/** Things that must come true one after the other, each with how it stands. */
export function Ladder(props: { label: string; rungs: readonly Rung[] }) {
  return (
    <ol aria-label={props.label}>
      {props.rungs.map((rung) => (
        <li
          key={rung.id}
          className="relative flex gap-3 pb-3 last:pb-0 not-last:before:absolute not-last:before:top-6 not-last:before:bottom-0 not-last:before:left-[8px] not-last:before:w-px not-last:before:bg-line-strong"
        >
          <span className="mt-0.5 flex h-5 items-center">
            <StatusIcon state={rung.state} size={17} label={SAYS[rung.state]} />
          </span>
          <div className="min-w-0 flex-1">
            <p
              className={
                rung.state === "pending" ? "leading-6 text-muted" : "leading-6 font-medium"
              }
            >
              {rung.title}
            </p>
            {rung.body}
          </div>
        </li>
      ))}
    </ol>
  );
}
