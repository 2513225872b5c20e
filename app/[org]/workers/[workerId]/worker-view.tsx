"use client";

import { useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { useLive } from "@/app/_client/live";
import { routes } from "@/app/_client/navigation";
import { useTRPC } from "@/app/_client/trpc";
import { replaceQuery, setOrDelete, useQueryText } from "@/app/_client/url-state";
import { BuildsTable } from "@/app/_features/builds-table";
import { StatusPlate } from "@/app/_features/status";
import { useIsAtLeast, useOrg } from "@/app/_shell/org";
import { buttonClass } from "@/app/_ui/button";
import { PageHead } from "@/app/_ui/page-head";
import { Tabs } from "@/app/_ui/tabs";
import { actionsFor, WorkerActions } from "../worker-actions";
import { lookOf, WorkerState } from "../worker-state";
import { ConnectionPart } from "./connection-part";
import { DayStrip } from "./day-strip";
import { HistoryPart } from "./history-part";
import { Losses } from "./losses";
import { OverviewPart } from "./overview-part";
import { partOf } from "./parts";

const TABS = [
  { id: "overview", title: "Overview" },
  { id: "builds", title: "Builds" },
  { id: "history", title: "History" },
  { id: "connection", title: "Connection" },
] as const;

export function WorkerView(props: { workerId: number }) {
  const org = useOrg();
  const trpc = useTRPC();
  const query = trpc.workers.one.queryOptions({ org: org.slug, workerId: props.workerId });
  const { data: worker } = useQuery(query);
  const ofPool = worker?.pool ? [`pool:${worker.pool.id}`] : [];
  useLive([`worker:${props.workerId}`, "config", ...ofPool], [query.queryKey]);
  const part = partOf(useQueryText("part"));
  const mayConfigure = useIsAtLeast("maintainer");
  if (!worker) return null;
  const { pool } = worker;
  const [state, word] = lookOf(worker);
  return (
    <>
      <PageHead title={worker.name} note={<StatusPlate state={state} word={word} />}>
        {pool ? (
          <Link className={buttonClass()} href={routes.pool(org.slug, pool.id)}>
            Its pool
          </Link>
        ) : mayConfigure && !worker.isRemoved ? (
          <Link className={buttonClass()} href={routes.workerSettings(org.slug, worker.id)}>
            Settings
          </Link>
        ) : null}
        <WorkerActions workers={[worker]} possible={actionsFor(worker)} />
      </PageHead>
      <div className="px-4 py-4 sm:px-6">
        <p className={`mb-4 min-h-5 ${worker.isRemoved ? "text-amber" : ""}`}>
          {worker.isRemoved ? (
            "It is not in the configuration any more. Its history stays."
          ) : (
            <WorkerState worker={worker} isWordElsewhere />
          )}
        </p>
        <DayStrip workerId={worker.id} />
        <Tabs
          label={`Parts of ${worker.name}'s page`}
          tabs={TABS}
          value={part}
          onChange={(next) =>
            replaceQuery((query) => setOrDelete(query, "part", next === "overview" ? null : next))
          }
        >
          {part === "overview" ? <OverviewPart worker={worker} /> : null}
          {part === "builds" ? (
            <BuildsTable of={{ workerId: worker.id }} empty="It has built nothing yet." />
          ) : null}
          {part === "history" ? (
            <>
              <Losses workerId={worker.id} />
              <HistoryPart workerId={worker.id} />
            </>
          ) : null}
          {part === "connection" ? <ConnectionPart worker={worker} /> : null}
        </Tabs>
      </div>
    </>
  );
}
