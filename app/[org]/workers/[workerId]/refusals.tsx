"use client";

import { useInfiniteQuery } from "@tanstack/react-query";
import { useLive } from "@/app/_client/live";
import { comingPages } from "@/app/_client/pages";
import { useTRPC } from "@/app/_client/trpc";
import { useOrg } from "@/app/_shell/org";
import { Button } from "@/app/_ui/button";
import { Moment } from "@/app/_ui/time";
import { refusalOf } from "@/server/domain/workers/refusal";

export function Refusals(props: { workerId: number }) {
  const org = useOrg();
  const trpc = useTRPC();
  const query = trpc.workers.refusals.infiniteQueryOptions(
    { org: org.slug, workerId: props.workerId },
    comingPages,
  );
  const { data, hasNextPage, fetchNextPage } = useInfiniteQuery(query);
  useLive([`worker:${props.workerId}`], [query.queryKey]);
  const refusals = data?.pages.flatMap((page) => page.rows) ?? [];
  if (!data) return <div className="skeleton h-24" aria-hidden="true" />;
  if (refusals.length === 0) return <p className="text-muted">Nobody was turned away.</p>;
  return (
    <>
      <ol className="divide-y divide-line border-y border-line">
        {refusals.map(({ id, at, peer, reason, detail }) => {
          const { says, advice } = refusalOf(reason);
          return (
            <li key={id} className="py-1.5">
              <p className="flex flex-wrap gap-x-3 text-xs text-muted">
                <Moment at={at} />
                <span className="num break-all">{peer}</span>
              </p>
              <p>
                {says} <span className="text-muted">{detail}</span>
              </p>
              <p className="text-xs text-muted">{advice}</p>
            </li>
          );
        })}
      </ol>
      {hasNextPage ? (
        <Button small className="mt-2" onClick={() => void fetchNextPage()}>
          Older ones
        </Button>
      ) : null}
    </>
  );
}
