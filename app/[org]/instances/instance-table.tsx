"use client";

import Link from "next/link";
import { routes } from "@/app/_client/navigation";
import { useListKeys } from "@/app/_client/use-list-keys";
import { cost, MachineAge } from "@/app/_features/machines";
import { Status } from "@/app/_features/status";
import { useOrg } from "@/app/_shell/org";
import { Ago } from "@/app/_ui/time";
import type { InstanceRow } from "@/server/api/instances/row";

/** One line each; walked with j and k. */
export function InstanceTable(props: {
  instances: readonly InstanceRow[];
  isStale?: boolean;
  hasWorker?: boolean;
}) {
  const { instances, hasWorker = true } = props;
  const org = useOrg();
  const body = useListKeys("machine");
  return (
    <table className={`rows ${props.isStale ? "opacity-60" : ""}`} aria-busy={props.isStale}>
      <thead className="max-md:sr-only">
        <tr>
          <th className="w-1/4">Machine</th>
          <th>State</th>
          <th className="w-2/5">Why</th>
          <th className="text-right">Builds</th>
          <th className="text-right">Age</th>
          <th className="text-right">Cost</th>
          <th>Asked for</th>
        </tr>
      </thead>
      <tbody ref={body}>
        {instances.map((instance) => (
          <tr
            key={instance.id}
            className="max-md:grid max-md:grid-cols-[1fr_auto] max-md:gap-x-3 max-md:border-b max-md:border-line max-md:py-2 max-md:*:h-auto max-md:*:border-0 max-md:*:p-0"
          >
            <th scope="row" className="max-md:col-span-2 md:min-w-40">
              <Link
                href={routes.instance(org.slug, instance.id)}
                prefetch={false}
                className="num font-semibold [overflow-wrap:anywhere] hover:underline"
                title={instance.key}
              >
                {hasWorker ? instance.worker : "machine"} {instance.generation}
              </Link>
            </th>
            <td>
              <Status state={instance.activity} />
            </td>
            <td className="text-muted max-md:col-span-2">
              <span
                className="line-clamp-2 break-words"
                title={instance.lastError ?? instance.endReason ?? instance.reason}
              >
                {instance.lastError ?? instance.endReason ?? instance.reason}
              </span>
            </td>
            <td className="num text-right max-md:hidden">{instance.buildCount}</td>
            <td className="num text-right max-md:text-left">
              <MachineAge createdAt={instance.createdAt} goneAt={instance.goneAt} />
            </td>
            <td className="num text-right whitespace-nowrap max-md:hidden">
              {instance.cost === null ? (
                <span className="text-faint" title="Its price is not known">
                  –
                </span>
              ) : instance.billing === "free" ? (
                <span className="font-sans text-muted">free</span>
              ) : (
                cost(instance.cost, null)
              )}
            </td>
            <td className="text-muted">
              <Ago at={instance.createdAt} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
