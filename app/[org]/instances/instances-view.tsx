"use client";

import { useInfiniteQuery } from "@tanstack/react-query";
import Link from "next/link";
import { useSearchParams } from "next/navigation";
import { useDeferredValue } from "react";
import { useLive } from "@/app/_client/live";
import { routes } from "@/app/_client/navigation";
import { machinePages } from "@/app/_client/pages";
import { useTRPC } from "@/app/_client/trpc";
import { replaceQuery, setOrDelete } from "@/app/_client/url-state";
import { useIsAtLeast, useOrg } from "@/app/_shell/org";
import { Button, buttonClass } from "@/app/_ui/button";
import { Empty } from "@/app/_ui/empty";
import { PageHead } from "@/app/_ui/page-head";
import type { InstancesPage } from "@/server/api/instances/list";
import { type AskedFor, askedFor, filterOf, WHICH, WHICH_WORDS } from "./filter";
import { InstanceTable } from "./instance-table";
import { InstanceParts } from "./parts";

/** Machines of latent workers: those that live, and all there were. */
export function InstancesView() {
  const org = useOrg();
  const trpc = useTRPC();
  const asked = useDeferredValue(askedFor(useSearchParams()));
  const query = trpc.instances.list.infiniteQueryOptions(
    { org: org.slug, ...filterOf(asked) },
    machinePages,
  );
  const { data, hasNextPage, fetchNextPage, isFetchingNextPage, isPlaceholderData } =
    useInfiniteQuery({ ...query, placeholderData: (before) => before });
  useLive(["instances", "workers", "builds"], [query.queryKey]);
  const first = data?.pages[0];
  if (!data || !first) return null;
  const instances = data.pages.flatMap((page) => page.instances);
  return (
    <>
      <PageHead title="Instances" note={note(first)} />
      <div className="px-4 py-3 sm:px-6">
        <InstanceParts />
        {first.orphans > 0 ? <Orphans count={first.orphans} /> : null}
        <Filters asked={asked} worker={instances[0]?.worker ?? null} />
        {instances.length === 0 ? (
          <Nothing asked={asked} />
        ) : (
          <InstanceTable instances={instances} isStale={isPlaceholderData} />
        )}
        {hasNextPage ? (
          <Button
            className="mt-3"
            disabled={isFetchingNextPage}
            onClick={() => void fetchNextPage()}
          >
            {isFetchingNextPage ? "Loading" : "Older"}
          </Button>
        ) : null}
      </div>
    </>
  );
}

function note({ live }: InstancesPage): string {
  const counts = Object.values(live).reduce((sum: number, count) => sum + (count ?? 0), 0);
  if (counts === 0) return "no machine lives";
  return counts === 1 ? "1 machine lives" : `${counts.toLocaleString("en")} machines live`;
}

function Orphans({ count }: { count: number }) {
  const org = useOrg();
  return (
    <p className="mb-3 border-l-2 border-amber pl-3">
      {count === 1 ? "1 machine" : `${count} machines`} at a provider{" "}
      {count === 1 ? "belongs" : "belong"} to nobody here.{" "}
      <Link className="link" href={routes.sweeps(org.slug)}>
        What the sweep found
      </Link>
    </p>
  );
}

function Filters({ asked, worker }: { asked: AskedFor; worker: string | null }) {
  return (
    <div className="flex flex-wrap items-center gap-1.5 pb-2">
      <fieldset className="flex flex-wrap items-center gap-1.5">
        <legend className="sr-only">Show only these machines</legend>
        {[...WHICH, "all" as const].map((which) => (
          <button
            key={which}
            type="button"
            aria-pressed={(asked.which ?? "all") === which}
            onClick={() =>
              replaceQuery((query) => setOrDelete(query, "which", which === "live" ? null : which))
            }
            className="inline-flex h-7 items-center rounded-md border border-line bg-raised px-2 text-muted hover:bg-hover hover:text-fg aria-pressed:border-accent aria-pressed:bg-accent-soft aria-pressed:font-medium aria-pressed:text-fg"
          >
            {WHICH_WORDS[which]}
          </button>
        ))}
      </fieldset>
      {asked.workerId === null ? null : (
        <Remove name="worker" says={worker === null ? "of one worker" : `of ${worker}`} />
      )}
      {asked.driver === null ? null : <Remove name="driver" says={asked.driver} />}
    </div>
  );
}

function Remove(props: { name: string; says: string }) {
  return (
    <Button small onClick={() => replaceQuery((query) => query.delete(props.name))}>
      {props.says} <span aria-hidden="true">×</span>
      <span className="sr-only">: show those of others too</span>
    </Button>
  );
}

function Nothing({ asked }: { asked: AskedFor }) {
  const org = useOrg();
  const mayConfigure = useIsAtLeast("maintainer");
  if (asked.which !== "live" || asked.workerId !== null || asked.driver !== null) {
    return <p className="py-4 text-muted">No machine is like this.</p>;
  }
  return (
    <div className="py-3">
      <Empty
        title="No machine lives"
        action={
          mayConfigure ? (
            <Link className={buttonClass("primary")} href={routes.addWorker(org.slug)}>
              Add a worker on demand
            </Link>
          ) : null
        }
      >
        Machines of latent workers stand here from the wish for them to their end, with what they
        cost. One is made when a build wants it. Those that are gone are under{" "}
        <Link className="link" href={`${routes.instances(org.slug)}?which=all`}>
          {WHICH_WORDS.all}
        </Link>
        .
      </Empty>
    </div>
  );
}
