"use client";

import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import Link from "next/link";
import { type ReactNode, useState } from "react";
import { useLive } from "../../_client/live";
import { routes } from "../../_client/navigation";
import { requestPages } from "../../_client/pages";
import { useTRPC } from "../../_client/trpc";
import { useOrg } from "../../_shell/org";
import { Button } from "../../_ui/button";
import { ReasonDialog } from "../../_ui/reason-dialog";
import { Ago } from "../../_ui/time";
import { Source } from "../builds-table";
import { StatusIcon } from "../status";
import { Why, WhyCause } from "./why";

/** What waits, in the order it is served, each with the sentence why. */
export function PendingRequests(props: { builderId?: number; onEmpty: ReactNode }) {
  const org = useOrg();
  const trpc = useTRPC();
  const queries = useQueryClient();
  const query = trpc.requests.list.infiniteQueryOptions(
    { org: org.slug, builderId: props.builderId },
    requestPages,
  );
  const { data, hasNextPage, fetchNextPage } = useInfiniteQuery(query);
  useLive(["requests", "builds", "workers", "pools"], [query.queryKey]);
  const [cancelling, cancelOne] = useState<number | null>(null);
  const cancel = useMutation(
    trpc.requests.cancel.mutationOptions({
      onSettled: () => queries.invalidateQueries({ queryKey: query.queryKey }),
    }),
  );
  const requests = data?.pages.flatMap((page) => page.requests) ?? [];
  if (data && requests.length === 0) return <>{props.onEmpty}</>;
  const hasBuilder = props.builderId === undefined;
  return (
    <>
      <table className="rows">
        <thead className="max-md:sr-only">
          <tr>
            <th>Request</th>
            {hasBuilder ? <th>Builder</th> : null}
            <th className="w-1/2">Why it waits</th>
            <th>Source</th>
            <th>Asked</th>
            <th className="text-right">Place</th>
            <th>
              <span className="sr-only">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {requests.map((request) => (
            <tr
              key={request.id}
              className="max-md:grid max-md:grid-cols-[1fr_auto] max-md:gap-x-3 max-md:border-b max-md:border-line max-md:py-2 max-md:*:h-auto max-md:*:border-0 max-md:*:p-0"
            >
              <th scope="row" className="max-md:hidden">
                <Link href={routes.request(org.slug, request.id)} className="num hover:underline">
                  {request.id}
                </Link>
              </th>
              {hasBuilder ? (
                <td>
                  <Link
                    href={routes.builder(org.slug, request.builderId)}
                    className="font-semibold hover:underline"
                  >
                    {request.builder}
                  </Link>
                </td>
              ) : null}
              <td className="max-md:col-span-2 max-md:row-start-2">
                <span className="flex items-start gap-2">
                  <span className="pt-0.5">
                    <StatusIcon state="waiting" />
                  </span>
                  <span className="min-w-0">
                    <Why why={request.why} />
                    {/* Those behind it wait for the same. */}
                    {request.position === 1 ? <WhyCause why={request.why} /> : null}
                    <span className="block text-xs text-muted">
                      {request.owner ? `${request.owner}: ` : ""}
                      {request.reason}
                      {request.priority === 0 ? "" : ` · priority ${request.priority}`}
                    </span>
                  </span>
                </span>
              </td>
              <td className="max-md:hidden">
                <Source stamps={request.stamps} />
              </td>
              <td className="text-muted max-md:row-start-3">
                <Ago at={request.submittedAt} />
              </td>
              <td className="num text-right max-md:hidden">{request.position}</td>
              <td className="text-right max-md:col-start-2 max-md:row-start-1">
                <Button small look="quiet" onClick={() => cancelOne(request.id)}>
                  Cancel<span className="sr-only"> request {request.id}</span>
                </Button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {hasNextPage ? (
        <Button className="mt-3" onClick={() => void fetchNextPage()}>
          More
        </Button>
      ) : null}
      {cancelling !== null ? (
        <ReasonDialog
          title={`Cancel request ${cancelling}`}
          action="Cancel the request"
          keep="Keep it"
          isDangerous
          error={cancel.error}
          isBusy={cancel.isPending}
          onClose={() => {
            cancel.reset();
            cancelOne(null);
          }}
          onSubmit={(reason) =>
            cancel.mutate(
              { org: org.slug, requestId: cancelling, reason },
              { onSuccess: () => cancelOne(null) },
            )
          }
        />
      ) : null}
    </>
  );
}
