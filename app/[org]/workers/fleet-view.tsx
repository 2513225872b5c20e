"use client";

import { useQuery, useQueryClient } from "@tanstack/react-query";
import Link from "next/link";
import { useSearchParams } from "next/navigation";
import { useDeferredValue, useState } from "react";
import { useLive } from "@/app/_client/live";
import { routes } from "@/app/_client/navigation";
import { useTRPC } from "@/app/_client/trpc";
import { useIsAtLeast, useOrg } from "@/app/_shell/org";
import { Button, buttonClass } from "@/app/_ui/button";
import { Empty } from "@/app/_ui/empty";
import { ICONS, Icon } from "@/app/_ui/icon";
import { PageHead } from "@/app/_ui/page-head";
import type { FleetPage } from "@/server/api/workers/list";
import { askedFor, filterOf } from "./filter";
import { FleetFilters } from "./fleet-filters";
import { FleetPager } from "./fleet-pager";
import { FleetTable } from "./fleet-table";
import { WorkerActions } from "./worker-actions";

/** A large fleet is counted anew less often. */
const everyMs = (total: number) => (total > 1000 ? 2_000 : 250);
const STRIPS_EVERY_MS = 5_000;

export function FleetView() {
  const org = useOrg();
  const trpc = useTRPC();
  const asked = useDeferredValue(askedFor(useSearchParams()));
  const query = trpc.workers.list.queryOptions({
    org: org.slug,
    ...filterOf(asked),
    page: asked.page,
  });
  const { data, isPlaceholderData } = useQuery({
    ...query,
    placeholderData: (before) => before,
  });
  useLive(["workers", "builds", "config"], [query.queryKey], everyMs(data?.total ?? 0));
  const strips = trpc.workers.busy.queryOptions({
    org: org.slug,
    workerIds: data?.workers.map(({ id }) => id) ?? [],
  });
  const busy = useQuery({ ...strips, enabled: data !== undefined });
  useLive(["builds"], [strips.queryKey], STRIPS_EVERY_MS);
  const mayConfigure = useIsAtLeast("maintainer");
  if (!data) return null;
  const isNone = data.total === 0;
  return (
    <>
      <PageHead title="Workers" note={isNone ? null : present(data)}>
        {mayConfigure ? (
          <>
            <Link className={buttonClass()} href={routes.doors(org.slug)}>
              The doors
            </Link>
            <AddWorker />
          </>
        ) : null}
      </PageHead>
      <div className="px-4 py-3 sm:px-6">
        {isNone && !asked.withOld ? (
          <NoWorker />
        ) : (
          <>
            <FleetFilters data={data} />
            <Choosable data={data} isStale={isPlaceholderData} busy={busy.data} />
            <FleetPager page={data.page} pages={data.pages} />
          </>
        )}
      </div>
    </>
  );
}

/** Those on demand are not away: nothing wants them. */
function present({ connected, total, counts }: FleetPage): string {
  const said = `${number(connected)} of ${number(total)} connected`;
  return counts.dormant === 0 ? said : `${said}, ${number(counts.dormant)} on demand`;
}

const number = (count: number) => count.toLocaleString("en");

function Choosable(props: {
  data: FleetPage;
  isStale: boolean;
  busy: Parameters<typeof FleetTable>[0]["busy"];
}) {
  const { data } = props;
  const org = useOrg();
  const trpc = useTRPC();
  const queries = useQueryClient();
  const may = useIsAtLeast("maintainer");
  const asked = askedFor(useSearchParams());
  const [chosen, choose] = useState<ReadonlyMap<number, string>>(new Map());
  const [outcome, tell] = useState("");
  const isPageChosen = data.workers.length > 0 && data.workers.every(({ id }) => chosen.has(id));
  const set = (workers: readonly { id: number; name: string }[], isOn: boolean) => {
    choose((before) => {
      const next = new Map(before);
      for (const { id, name } of workers) {
        if (isOn) next.set(id, name);
        else next.delete(id);
      }
      return next;
    });
    tell("");
  };
  const chooseAll = async () => {
    const input = { org: org.slug, ...filterOf(asked) };
    set(
      await queries.fetchQuery({ ...trpc.workers.matching.queryOptions(input), staleTime: 0 }),
      true,
    );
  };
  return (
    <>
      <div className="flex min-h-10 flex-wrap items-center gap-2 pb-1" role="status">
        {chosen.size === 0 ? (
          <>
            <span className="text-muted">{told(data)}</span>
            {outcome === "" ? null : <span className="font-medium">{outcome}</span>}
          </>
        ) : (
          <>
            <span className="text-muted">{number(chosen.size)} chosen:</span>
            <WorkerActions
              workers={[...chosen].map(([id, name]) => ({ id, name }))}
              onDone={(said) => {
                choose(new Map());
                tell(said);
              }}
            />
            {isPageChosen && chosen.size < data.matched ? (
              <Button look="quiet" onClick={() => void chooseAll()}>
                Choose all {number(data.matched)}
              </Button>
            ) : null}
            <Button look="quiet" onClick={() => choose(new Map())}>
              Choose none
            </Button>
          </>
        )}
      </div>
      <FleetTable
        workers={data.workers}
        isStale={props.isStale}
        busy={props.busy}
        chosen={may ? chosen : null}
        isPageChosen={isPageChosen}
        onChoose={set}
      />
    </>
  );
}

function told({ matched, total, problem }: FleetPage): string {
  if (problem !== null) return "";
  if (matched === total) return total === 1 ? "1 worker" : `${number(total)} workers`;
  return `${number(matched)} of ${number(total)} workers`;
}

function AddWorker() {
  const org = useOrg();
  return (
    <Link className={buttonClass("primary")} href={routes.addWorker(org.slug)}>
      <Icon path={ICONS.plus} size={14} />
      Add a worker
    </Link>
  );
}

function NoWorker() {
  const mayConfigure = useIsAtLeast("maintainer");
  return (
    <div className="py-3">
      <Empty title="No worker yet" action={mayConfigure ? <AddWorker /> : null}>
        A worker is a machine of yours that runs the steps of builds. None is known here, so nothing
        can be built. Add one: the next page shows the commands that connect it, and sees it come.
      </Empty>
    </div>
  );
}
