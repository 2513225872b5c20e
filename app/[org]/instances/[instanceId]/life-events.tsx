"use client";

import { duration } from "@/app/_client/format";
import { type StateName, StatusIcon } from "@/app/_features/status";
import { Ago, Moment } from "@/app/_ui/time";
import type { LifeEvent } from "@/server/api/instances/one";

const WORDS: Readonly<Record<string, readonly [title: string, state: StateName]>> = {
  requested: ["Asked for", "requested"],
  starting: ["The provider makes it", "starting"],
  running: ["Its worker has logged in", "idle"],
  stopping: ["It is let go", "stopping"],
  broken: ["It broke", "broken"],
  gone: ["Gone", "gone"],
};

/** Every change of its state, newest first: what, why, by whom, when, and how long it had taken. */
export function LifeEvents(props: { events: readonly LifeEvent[] }) {
  const events = props.events.map((event, index) => ({
    ...event,
    after: index === 0 ? null : event.at - (props.events[index - 1]?.at ?? event.at),
  }));
  if (events.length === 0) {
    return <p className="text-muted">Its history is older than what is kept.</p>;
  }
  return (
    <ol aria-label="What happened">
      {events.reverse().map(({ at, to, reason, actor, after }) => {
        const [title, state] = WORDS[to] ?? [to, "pending" as const];
        return (
          <li
            key={`${at}${to}`}
            className="relative flex gap-3 pb-3 not-last:before:absolute not-last:before:top-5 not-last:before:bottom-0 not-last:before:left-[7px] not-last:before:w-px not-last:before:bg-line"
          >
            <span className="flex h-5 items-center">
              <StatusIcon state={state} />
            </span>
            <div className="min-w-0 flex-1">
              <p className="flex flex-wrap items-baseline gap-x-3">
                <span className="font-medium">{title}</span>
                <span className="text-muted">
                  {after === null ? <Ago at={at} /> : `${duration(after)} later`}
                </span>
                <span className="ml-auto text-xs text-muted">
                  <Moment at={at} />
                </span>
              </p>
              <p className="break-words text-muted">
                {reason.toLowerCase() === title.toLowerCase() ? null : `${reason} `}
                <span className="text-xs">by {actor}</span>
              </p>
            </div>
          </li>
        );
      })}
    </ol>
  );
}
