"use client";

import { useInfiniteQuery, useMutation, useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { useLive } from "@/app/_client/live";
import { routes } from "@/app/_client/navigation";
import { machinePages } from "@/app/_client/pages";
import { useTRPC } from "@/app/_client/trpc";
import { replaceQuery, setOrDelete, useQueryText } from "@/app/_client/url-state";
import { useIsAtLeast, useOrg } from "@/app/_shell/org";
import { Button, buttonClass } from "@/app/_ui/button";
import { Empty } from "@/app/_ui/empty";
import { PageHead, Section } from "@/app/_ui/page-head";
import { Problem } from "@/app/_ui/problem";
import { InstanceParts } from "../parts";
import { Account } from "./account";
import { SweepList } from "./sweep-list";

/** What providers have beside what we know, and what the sweep did about it. */
export function SweepsView() {
  const org = useOrg();
  const trpc = useTRPC();
  const may = useIsAtLeast("maintainer");
  const eventful = useQueryText("all") !== "1";
  const beside = trpc.instances.accounts.queryOptions({ org: org.slug });
  const rules = trpc.instances.limits.queryOptions({ org: org.slug });
  const reports = trpc.instances.sweeps.infiniteQueryOptions(
    { org: org.slug, eventful },
    machinePages,
  );
  const { data } = useQuery(beside);
  const { data: policy } = useQuery(rules);
  const {
    data: pages,
    hasNextPage,
    fetchNextPage,
    isFetchingNextPage,
  } = useInfiniteQuery({
    ...reports,
    placeholderData: (before) => before,
  });
  useLive(["instances", "sweeps"], [beside.queryKey, reports.queryKey, rules.queryKey]);
  const sweep = useMutation(trpc.instances.sweepNow.mutationOptions());
  if (!data) return null;
  const sweeps = pages?.pages.flatMap((page) => page.sweeps) ?? [];
  const isDry = policy?.limits.isDryRun === true;
  return (
    <>
      <PageHead
        title="Sweeps"
        note="each provider's own list, held against ours: nothing runs that nobody knows"
      >
        {may && data.accounts.length > 0 ? (
          <>
            <span role="status" className="text-muted">
              {sweep.isSuccess ? "Asked for: the reports come in below." : null}
            </span>
            <Button
              disabled={sweep.isPending}
              aria-busy={sweep.isPending}
              onClick={() => sweep.mutate({ org: org.slug })}
            >
              Sweep now{sweep.isPending ? " …" : ""}
            </Button>
          </>
        ) : null}
      </PageHead>
      <div className="px-4 py-3 sm:px-6">
        <InstanceParts />
        <Problem error={sweep.error} />
        {isDry ? (
          <p className="mb-4 border-l-2 border-amber pl-3">
            Sweeps only say what they would stop: dry run is on, under{" "}
            <Link className="link" href={routes.limits(org.slug)}>
              limits
            </Link>
            .
          </p>
        ) : null}
        {data.accounts.length === 0 ? (
          <Empty
            title="No account at a provider yet"
            action={
              may ? (
                <Link className={buttonClass("primary")} href={routes.addWorker(org.slug)}>
                  Add a worker on demand
                </Link>
              ) : null
            }
          >
            Each worker on demand has its machines in an account: an engine, a hypervisor, a cloud.
            Once one is configured, its list of machines is compared with ours every few minutes;
            what belongs to nobody is reported, and stopped when it is seen a second time.
          </Empty>
        ) : (
          <>
            {data.accounts.map((account) => (
              <Account key={account.id} account={account} />
            ))}
            <Section title="Reports" note="newest first">
              <label className="mb-2 flex h-8 items-center gap-1.5">
                <input
                  type="checkbox"
                  checked={!eventful}
                  onChange={() =>
                    replaceQuery((query) => setOrDelete(query, "all", eventful ? "1" : null))
                  }
                />
                Those too that found nothing
              </label>
              <SweepList sweeps={sweeps} isEventful={eventful} />
              {hasNextPage ? (
                <Button
                  className="mt-3"
                  disabled={isFetchingNextPage}
                  onClick={() => void fetchNextPage()}
                >
                  {isFetchingNextPage ? "Loading" : "Older"}
                </Button>
              ) : null}
            </Section>
          </>
        )}
      </div>
    </>
  );
}
