"use client";

import { useQuery } from "@tanstack/react-query";
import { useLive } from "@/app/_client/live";
import { useTRPC } from "@/app/_client/trpc";
import { useOrg } from "@/app/_shell/org";
import { Problem } from "@/app/_ui/problem";
import { Ago } from "@/app/_ui/time";
import { DOOR_LAYERS, refusalOf } from "@/server/domain/workers/refusal";

const wordOf = (layer: string) => DOOR_LAYERS.find(({ id }) => id === layer)?.word ?? layer;

/** Who came to the doors last and said no name that is known, with how far each came. */
export function Strangers() {
  const org = useOrg();
  const trpc = useTRPC();
  const query = trpc.workers.strangers.queryOptions({ org: org.slug, since: 0 });
  const { data, error } = useQuery(query);
  useLive(["doors"], [query.queryKey]);
  if (error) return <Problem error={error} />;
  if (!data) return <div className="skeleton h-40" aria-hidden="true" />;
  if (!data.isVisible) return <NotShown />;
  if (data.events.length === 0) {
    return <p className="text-muted">Nobody came who is not a worker of this installation.</p>;
  }
  return (
    <table className="rows">
      <thead className="max-md:sr-only">
        <tr>
          <th>When</th>
          <th>From</th>
          <th>Stopped at</th>
          <th className="w-1/2">What it was</th>
        </tr>
      </thead>
      <tbody>
        {data.events.map((event) => {
          const { layer, says, advice } = refusalOf(event.reason);
          return (
            <tr
              key={event.id}
              className="max-md:grid max-md:grid-cols-[1fr_auto] max-md:gap-x-3 max-md:border-b max-md:border-line max-md:py-2 max-md:*:h-auto max-md:*:border-0 max-md:*:p-0"
            >
              <td className="text-muted max-md:col-start-2 max-md:row-start-1">
                <Ago at={event.at} />
              </td>
              <th scope="row" className="num break-all max-md:row-start-1">
                {event.peer}
              </th>
              <td className="max-md:col-span-2">{wordOf(layer)}</td>
              <td className="py-1.5! max-md:col-span-2">
                {says}{" "}
                {event.loginName === null ? null : (
                  <>
                    It says it is <code className="num break-all">{event.loginName}</code>.{" "}
                  </>
                )}
                <span className="text-muted">({event.detail})</span>
                <p className="text-xs text-muted">{advice}</p>
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

export function NotShown() {
  return (
    <p className="text-muted">
      Connections that fail before they say a known name belong to no organisation. They are shown
      to the administrators of this installation.
    </p>
  );
}
