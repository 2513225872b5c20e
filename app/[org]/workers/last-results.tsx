"use client";

import Link from "next/link";
import { routes } from "@/app/_client/navigation";
import { resultState, StatusIcon } from "@/app/_features/status";
import { useOrg } from "@/app/_shell/org";
import type { WorkerRow } from "@/server/api/workers/row";

/** Its last ten builds as dots, each a link; the last five where there is little room. */
export function LastResults({ worker }: { worker: WorkerRow }) {
  const org = useOrg();
  if (worker.recent.length === 0) return <span className="text-faint">none</span>;
  return (
    <span className="flex max-xl:[&>*:nth-last-child(n+6)]:hidden">
      {worker.recent.map((build) => (
        <Link
          key={build.id}
          href={routes.build(org.slug, build.builderId, build.number)}
          prefetch={false}
          className="flex size-[24px] items-center justify-center"
        >
          <StatusIcon
            state={resultState(build.result)}
            size={13}
            label={`${build.builder} #${build.number}: ${resultState(build.result)}`}
          />
        </Link>
      ))}
    </span>
  );
}
