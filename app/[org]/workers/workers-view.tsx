"use client";

import { useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { useRef, useState } from "react";
import { useCommands } from "@/app/_client/commands";
import { useLive } from "@/app/_client/live";
import { routes } from "@/app/_client/navigation";
import { useTRPC } from "@/app/_client/trpc";
import { replaceQuery, setOrDelete, useQueryText } from "@/app/_client/url-state";
import { resultState, StatusIcon } from "@/app/_features/status";
import { useIsAtLeast, useOrg } from "@/app/_shell/org";
import { buttonClass } from "@/app/_ui/button";
import { Empty } from "@/app/_ui/empty";
import { ICONS, Icon } from "@/app/_ui/icon";
import { PageHead } from "@/app/_ui/page-head";
import type { WorkerRow } from "@/server/api/workers/row";
import { WorkerActions } from "./worker-actions";
import { WorkerState } from "./worker-state";

export function WorkersView() {
  const org = useOrg();
  const trpc = useTRPC();
  const query = trpc.workers.list.queryOptions({ org: org.slug });
  const { data } = useQuery(query);
  useLive(["workers", "builds", "config"], [query.queryKey]);
  const mayConfigure = useIsAtLeast("maintainer");
  const [chosen, choose] = useState<ReadonlySet<number>>(new Set());
  const text = useQueryText("q").toLowerCase();
  const all = data?.workers ?? [];
  const shown = all.filter((worker) => worker.name.toLowerCase().includes(text));
  const picked = all.filter((worker) => chosen.has(worker.id));
  const connected = all.filter((worker) => worker.isConnected).length;
  const toggle = (id: number) => {
    const next = new Set(chosen);
    if (!next.delete(id)) next.add(id);
    choose(next);
  };
  const isAllPicked = shown.length > 0 && shown.every((worker) => chosen.has(worker.id));
  return (
    <>
      <PageHead
        title="Workers"
        note={all.length > 0 ? `${connected} of ${all.length} connected` : null}
      >
        {mayConfigure ? (
          <Link className={buttonClass("primary")} href={routes.addWorker(org.slug)}>
            <Icon path={ICONS.plus} size={14} />
            Add a worker
          </Link>
        ) : null}
      </PageHead>
      <div className="px-4 py-3 sm:px-6">
        {data && all.length === 0 ? (
          <div className="py-3">
            <Empty
              title="No worker yet"
              action={
                mayConfigure ? (
                  <Link className={buttonClass("primary")} href={routes.addWorker(org.slug)}>
                    Add a worker
                  </Link>
                ) : null
              }
            >
              A worker is a machine of yours that runs the steps of builds. None is known here, so
              nothing can be built. Add one: the next page shows the commands that connect it, and
              sees it come.
            </Empty>
          </div>
        ) : (
          <>
            <div className="flex min-h-11 flex-wrap items-center gap-2 pb-2">
              <Search />
              {picked.length > 0 ? (
                <div className="flex flex-wrap items-center gap-2">
                  <span className="text-muted">{picked.length} chosen:</span>
                  <WorkerActions workers={picked} onDone={() => choose(new Set())} />
                </div>
              ) : null}
            </div>
            <table className="rows">
              <thead className="max-md:sr-only">
                <tr>
                  {mayConfigure ? (
                    <th className="w-8">
                      <input
                        type="checkbox"
                        aria-label="Choose all shown"
                        checked={isAllPicked}
                        onChange={() =>
                          choose(new Set(isAllPicked ? [] : shown.map((worker) => worker.id)))
                        }
                      />
                    </th>
                  ) : null}
                  <th>Worker</th>
                  <th>State</th>
                  <th>Builds now</th>
                  <th>Last results</th>
                  <th className="max-lg:hidden">Version</th>
                  <th className="max-lg:hidden">Protocol</th>
                </tr>
              </thead>
              <tbody>
                {shown.map((worker) => (
                  <Row
                    key={worker.id}
                    worker={worker}
                    isChosen={chosen.has(worker.id)}
                    onChoose={mayConfigure ? () => toggle(worker.id) : null}
                  />
                ))}
              </tbody>
            </table>
            {shown.length === 0 ? (
              <p className="py-4 text-muted">No worker has this in its name.</p>
            ) : null}
          </>
        )}
      </div>
    </>
  );
}

function Search() {
  const input = useRef<HTMLInputElement>(null);
  const text = useQueryText("q");
  useCommands([
    {
      id: "filter",
      label: "Search this list",
      keys: "/",
      group: "List",
      run: () => input.current?.select(),
    },
  ]);
  return (
    <input
      ref={input}
      type="search"
      aria-label="Search workers"
      placeholder="Search, /"
      defaultValue={text}
      onChange={(event) => {
        const typed = event.target.value;
        replaceQuery((query) => setOrDelete(query, "q", typed));
      }}
      className="field max-w-56"
    />
  );
}

function Row(props: { worker: WorkerRow; isChosen: boolean; onChoose: (() => void) | null }) {
  const { worker } = props;
  const org = useOrg();
  return (
    <tr
      aria-selected={props.isChosen}
      className="max-md:grid max-md:grid-cols-[28px_1fr_auto] max-md:items-center max-md:gap-x-2 max-md:border-b max-md:border-line max-md:py-2 max-md:*:h-auto max-md:*:border-0 max-md:*:p-0"
    >
      {props.onChoose ? (
        <td className="w-8">
          <input
            type="checkbox"
            aria-label={`Choose ${worker.name}`}
            checked={props.isChosen}
            onChange={props.onChoose}
          />
        </td>
      ) : null}
      <th scope="row">
        <Link href={routes.worker(org.slug, worker.id)} className="font-semibold hover:underline">
          {worker.name}
        </Link>
      </th>
      <td className="max-md:col-span-2 max-md:col-start-2 max-md:row-start-2">
        <WorkerState worker={worker} />
      </td>
      <td className="max-md:col-span-2 max-md:col-start-2 max-md:row-start-3">
        {worker.running.length === 0 ? (
          <span className="text-faint max-md:hidden">none</span>
        ) : (
          <span className="flex flex-wrap gap-x-3">
            {worker.running.map((build) => (
              <Link
                key={build.id}
                href={routes.build(org.slug, build.builderId, build.number)}
                className="hover:underline"
              >
                {build.builder} <span className="num text-muted">#{build.number}</span>
              </Link>
            ))}
          </span>
        )}
      </td>
      <td className="max-md:col-start-3 max-md:row-start-1">
        <LastResults worker={worker} />
      </td>
      <td className="num max-lg:hidden">
        {worker.version ?? <span className="text-faint">–</span>}
      </td>
      <td className="num max-lg:hidden">
        {worker.isConnected ? worker.protocol : <span className="text-faint">–</span>}
      </td>
    </tr>
  );
}

export function LastResults({ worker }: { worker: WorkerRow }) {
  const org = useOrg();
  if (worker.recent.length === 0) return <span className="text-faint">none</span>;
  return (
    <span className="flex max-md:[&>*:nth-last-child(n+6)]:hidden">
      {worker.recent.map((build) => (
        <Link
          key={build.id}
          href={routes.build(org.slug, build.builderId, build.number)}
          className="flex size-[24px] items-center justify-center"
        >
          <StatusIcon
            state={resultState(build.result)}
            size={13}
            label={`${build.builder} #${build.number}: ${resultState(build.result)}`}
          />
        </Link>
      ))}
    </span>
  );
}
