"use client";

import { useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { useLive } from "@/app/_client/live";
import { routes } from "@/app/_client/navigation";
import { useTRPC } from "@/app/_client/trpc";
import { Why } from "@/app/_features/requests";
import { StatusIcon } from "@/app/_features/status";
import { useOrg } from "@/app/_shell/org";
import { Section } from "@/app/_ui/page-head";
import { Ago } from "@/app/_ui/time";

/** The requests that wait for its builders, each with why it is not this worker that takes it. */
export function NotChosen(props: { workerId: number }) {
  const org = useOrg();
  const trpc = useTRPC();
  const query = trpc.workers.waiting.queryOptions({ org: org.slug, workerId: props.workerId });
  const { data } = useQuery(query);
  useLive(["requests", "builds", "workers", "pools"], [query.queryKey], 1_000);
  if (!data || data.requests.length === 0) return null;
  return (
    <div className="mb-7">
      <Section
        title="What waits, and why it is not built here"
        note={data.hasMore ? `the first ${data.requests.length}` : null}
      >
        <table className="rows">
          <thead className="max-md:sr-only">
            <tr>
              <th>Request</th>
              <th>Builder</th>
              <th>This worker</th>
              <th>All of its builder's workers</th>
              <th>Asked</th>
            </tr>
          </thead>
          <tbody>
            {data.requests.map((request) => (
              <tr
                key={request.id}
                className="max-md:grid max-md:grid-cols-[auto_1fr_auto] max-md:gap-x-3 max-md:border-b max-md:border-line max-md:py-2 max-md:*:h-auto max-md:*:border-0 max-md:*:p-0"
              >
                <th scope="row">
                  <Link href={routes.request(org.slug, request.id)} className="num hover:underline">
                    {request.id}
                  </Link>
                </th>
                <td>
                  <Link
                    href={routes.builder(org.slug, request.builderId)}
                    className="font-semibold hover:underline"
                  >
                    {request.builder}
                  </Link>
                </td>
                <td className="max-md:col-span-3 max-md:row-start-2">
                  <span className="inline-flex items-start gap-2">
                    <span className="pt-0.5">
                      <StatusIcon state="waiting" />
                    </span>
                    {request.here}
                  </span>
                </td>
                <td className="text-muted max-md:col-span-3 max-md:row-start-3">
                  <Why why={request.why} />
                </td>
                <td className="text-muted max-md:col-start-3 max-md:row-start-1">
                  <Ago at={request.submittedAt} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Section>
    </div>
  );
}
