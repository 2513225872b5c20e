"use client";

import { useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { useLive } from "@/app/_client/live";
import { routes } from "@/app/_client/navigation";
import { useTRPC } from "@/app/_client/trpc";
import { useOrg } from "@/app/_shell/org";
import { Problem } from "@/app/_ui/problem";
import { Ago } from "@/app/_ui/time";
import { NotShown } from "./strangers";

/** Names that nobody has, said at the doors: what was mistyped, and what guesses. */
export function UnknownNames() {
  const org = useOrg();
  const trpc = useTRPC();
  const query = trpc.workers.unknownNames.queryOptions({ org: org.slug });
  const { data, error } = useQuery(query);
  useLive(["doors", "config"], [query.queryKey], 1_000);
  if (error) return <Problem error={error} />;
  if (!data) return <div className="skeleton h-24" aria-hidden="true" />;
  if (!data.isVisible) return <NotShown />;
  if (data.names.length === 0) return <p className="text-muted">No unknown name was refused.</p>;
  return (
    <table className="rows">
      <thead className="max-md:sr-only">
        <tr>
          <th>Name</th>
          <th className="text-right">Times</th>
          <th>From</th>
          <th>Last</th>
          <th>Perhaps</th>
        </tr>
      </thead>
      <tbody>
        {data.names.map(({ name, times, peers, lastAt, meant }) => (
          <tr
            key={name}
            className="max-md:grid max-md:grid-cols-[1fr_auto] max-md:gap-x-3 max-md:border-b max-md:border-line max-md:py-2 max-md:*:h-auto max-md:*:border-0 max-md:*:p-0"
          >
            <th scope="row" className="num break-all">
              {name}
            </th>
            <td className="num text-right whitespace-nowrap">{times} ×</td>
            <td className="num break-all text-muted">{peers.join(", ")}</td>
            <td className="text-muted">
              <Ago at={lastAt} />
            </td>
            <td className="max-md:col-span-2">
              {meant ? (
                <>
                  meant is{" "}
                  <Link href={routes.worker(org.slug, meant.id)} className="link">
                    {meant.name}
                  </Link>
                </>
              ) : (
                <span className="text-muted">no worker has a name like it</span>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
