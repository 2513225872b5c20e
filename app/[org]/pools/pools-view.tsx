"use client";

import { useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { useLive } from "@/app/_client/live";
import { routes } from "@/app/_client/navigation";
import { useTRPC } from "@/app/_client/trpc";
import { useListKeys } from "@/app/_client/use-list-keys";
import { useIsAtLeast, useOrg } from "@/app/_shell/org";
import { buttonClass } from "@/app/_ui/button";
import { Empty } from "@/app/_ui/empty";
import { PageHead } from "@/app/_ui/page-head";
import type { PoolSummary } from "@/server/api/pools/row";
import { PoolState } from "./pool-state";

const EXAMPLE = `pools:
  - name: linux
    maxWorkers: 5
    worker: {type: DockerLatentWorker, docker_host: "unix:///var/run/docker.sock", image: my_worker}`;

/** Workers that come and go with what waits. */
export function PoolsView() {
  const org = useOrg();
  const trpc = useTRPC();
  const query = trpc.pools.list.queryOptions({ org: org.slug });
  const { data: pools } = useQuery(query);
  const mayConfigure = useIsAtLeast("maintainer");
  useLive(["pools", "workers", "builds", "config"], [query.queryKey], 500);
  if (!pools) return null;
  return (
    <>
      <PageHead title="Pools" note="workers that come and go with what waits">
        {mayConfigure && pools.length > 0 ? (
          <Link className={buttonClass()} href={routes.addPool(org.slug)} prefetch={false}>
            New pool
          </Link>
        ) : null}
      </PageHead>
      <div className="px-4 py-3 sm:px-6">
        {pools.length === 0 ? <NoPool /> : <PoolTable pools={pools} />}
      </div>
    </>
  );
}

function PoolTable({ pools }: { pools: readonly PoolSummary[] }) {
  const org = useOrg();
  const body = useListKeys("pool");
  return (
    <table className="rows">
      <thead className="max-md:sr-only">
        <tr>
          <th>Pool</th>
          <th className="w-2/5">State</th>
          <th className="text-right">Waiting</th>
          <th className="text-right">Desired</th>
          <th className="text-right">Starting</th>
          <th className="text-right">Idle</th>
          <th className="text-right">Busy</th>
          <th className="text-right">At most</th>
        </tr>
      </thead>
      <tbody ref={body}>
        {pools.map((pool) => (
          <tr
            key={pool.id}
            className="max-md:grid max-md:grid-cols-[1fr_auto] max-md:gap-x-3 max-md:border-b max-md:border-line max-md:py-2 max-md:*:h-auto max-md:*:border-0 max-md:*:p-0"
          >
            <th scope="row">
              <Link
                href={routes.pool(org.slug, pool.id)}
                className="font-semibold hover:underline"
                prefetch={false}
              >
                {pool.name}
              </Link>
              <span className="ml-2 text-xs text-muted">{pool.kind}</span>
            </th>
            <td className="max-md:col-span-2">
              <PoolState pool={pool} />
            </td>
            <td className="num text-right max-md:col-start-2 max-md:row-start-1">
              {pool.queue}
              <span className="font-sans text-muted md:hidden"> waiting</span>
            </td>
            <td className="num text-right max-md:hidden">{pool.desired}</td>
            <td className="num text-right max-md:hidden">{pool.counts.starting}</td>
            <td className="num text-right max-md:hidden">{pool.counts.idle}</td>
            <td className="num text-right max-md:hidden">{pool.counts.busy}</td>
            <td className="num text-right max-md:hidden">{pool.options.maxWorkers}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function NoPool() {
  const org = useOrg();
  const mayConfigure = useIsAtLeast("maintainer");
  return (
    <Empty
      title="No pool yet"
      command={EXAMPLE}
      action={
        mayConfigure ? (
          <Link className={buttonClass("primary")} href={routes.addPool(org.slug)}>
            New pool
          </Link>
        ) : null
      }
    >
      A pool has as many workers as what waits needs, within limits: all of one kind, made when they
      are wanted and let go when they are not. Make one by its form or write it into the
      organisation's document, and name it in a builder.
    </Empty>
  );
}
