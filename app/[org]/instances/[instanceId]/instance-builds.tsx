"use client";

import Link from "next/link";
import { routes } from "@/app/_client/navigation";
import { cost } from "@/app/_features/machines";
import { buildState, Status } from "@/app/_features/status";
import { useOrg } from "@/app/_shell/org";
import { Duration } from "@/app/_ui/time";
import type { InstancePage } from "@/server/api/instances/one";

export function InstanceBuilds({ instance }: { instance: InstancePage }) {
  const org = useOrg();
  if (instance.builds.length === 0) {
    return (
      <p className="mb-4 text-muted">
        {instance.workerId === 0
          ? "None: it was made for a test of settings."
          : "None. It was made for a build that went elsewhere, or is kept ready."}
      </p>
    );
  }
  return (
    <table className="rows mb-5">
      <thead className="sr-only">
        <tr>
          <th>Build</th>
          <th>Result</th>
          <th>Had it for</th>
          <th>Share of the cost</th>
        </tr>
      </thead>
      <tbody>
        {instance.builds.map((build) => (
          <tr key={build.id}>
            <th scope="row">
              <Link
                className="hover:underline"
                href={routes.build(org.slug, build.builderId, build.number)}
                prefetch={false}
              >
                {build.builder} <span className="num text-muted">#{build.number}</span>
              </Link>
            </th>
            <td>
              <Status state={buildState(build)} />
            </td>
            <td className="num text-right whitespace-nowrap">
              {build.from === null ? (
                <span className="font-sans text-muted">waited for it</span>
              ) : (
                <Duration from={build.from} to={build.to} />
              )}
            </td>
            <td className="num text-right whitespace-nowrap text-muted max-sm:hidden">
              {build.cost === null || instance.billing === "free"
                ? ""
                : cost(build.cost, instance.currency)}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
