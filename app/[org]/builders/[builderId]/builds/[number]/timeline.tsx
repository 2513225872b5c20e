"use client";

import { useQuery } from "@tanstack/react-query";
import { duration, exact } from "@/app/_client/format";
import { useTRPC } from "@/app/_client/trpc";
import { useOrg } from "@/app/_shell/org";
import { useNow } from "@/app/_ui/time";
import type { BuildPage } from "@/server/api/builds/one";
import type { TimelineEntry } from "@/server/api/builds/timeline";

const WORDS: Readonly<Record<string, string>> = {
  "build_request:pending": "Requested",
  "build_request:claimed": "Claimed by a worker",
  "build_request:done": "Request done",
  "build_request:cancelled": "Request cancelled",
  "build:preparing": "Build made, worker being prepared",
  "build:running": "First step may run",
  "build:finishing": "Closing logs",
  "build:finished": "Build finished",
};

/** Every change of state with its time, how long the state before lasted, and why it changed. */
export function Timeline(props: { build: BuildPage }) {
  const org = useOrg();
  const trpc = useTRPC();
  const isInBrowser = useNow(false) !== 0;
  const { data } = useQuery(
    trpc.builds.timeline.queryOptions({ org: org.slug, buildId: props.build.id }),
  );
  if (!data) return <p className="p-4 text-muted">Loading</p>;
  if (data.length === 0) {
    return <p className="p-4 text-muted">Its history is older than what is kept.</p>;
  }
  const start = data[0]?.at ?? 0;
  const end = data.at(-1)?.at ?? start;
  return (
    <ol className="px-4 py-3">
      {data.map((entry, index) => {
        const before = data[index - 1];
        return (
          <li key={entry.id} className="relative border-l border-line-strong pb-3 pl-4 last:pb-0">
            <span
              aria-hidden="true"
              className={`absolute top-1.5 -left-[3.5px] size-1.5 rounded-full ${entry.kind === "step" ? "bg-line-strong" : "bg-accent"}`}
            />
            <div className="flex items-baseline gap-2">
              <span className={entry.kind === "step" ? "" : "font-semibold"}>{title(entry)}</span>
              <span
                className="num ml-auto text-xs whitespace-nowrap text-muted"
                title={isInBrowser ? exact(entry.at) : undefined}
              >
                +{duration(entry.at - start)}
              </span>
            </div>
            <p className="text-xs text-muted">
              {entry.reason}
              {before && entry.at - before.at >= 1000
                ? ` · ${duration(entry.at - before.at)} later`
                : ""}
            </p>
            <span
              aria-hidden="true"
              className="mt-1 block h-px bg-accent"
              style={{ width: `${share(before?.at ?? entry.at, entry.at, end - start)}%` }}
            />
          </li>
        );
      })}
    </ol>
  );
}

function title(entry: TimelineEntry): string {
  if (entry.kind === "step") return `${entry.subject ?? "step"}: ${entry.to}`;
  return WORDS[`${entry.kind}:${entry.to}`] ?? `${entry.kind} ${entry.to}`;
}

const share = (from: number, to: number, whole: number): number =>
  whole <= 0 ? 0 : Math.round(((to - from) / whole) * 1000) / 10;
