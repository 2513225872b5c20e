"use client";

import { useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { useLive } from "@/app/_client/live";
import { routes } from "@/app/_client/navigation";
import { useTRPC } from "@/app/_client/trpc";
import { Why, WhyCause } from "@/app/_features/requests";
import { useOrg } from "@/app/_shell/org";
import type { BuildPage } from "@/server/api/builds/one";
import { RESULTS } from "@/server/domain/builds/result";

/** Of a build that is built again: what the next try waits for. Nothing once there is one. */
export function NextTry({ build }: { build: BuildPage }) {
  const isLast = build.attempts.at(-1)?.id === build.id;
  return build.result === RESULTS.RETRY && isLast ? <Awaited build={build} /> : null;
}

function Awaited({ build: { requestId } }: { build: BuildPage }) {
  const org = useOrg();
  const trpc = useTRPC();
  const query = trpc.requests.one.queryOptions({ org: org.slug, requestId });
  const { data } = useQuery(query);
  useLive(["requests", "workers", "pools"], [query.queryKey]);
  if (!data) return null;
  const request = (
    <Link className="link" href={routes.request(org.slug, requestId)} prefetch={false}>
      request {requestId}
    </Link>
  );
  return (
    <div className="mb-2 max-w-4xl border-l-2 border-line-strong pl-3" role="status">
      {data.state === "cancelled" ? (
        <p>It is not built again: its {request} was cancelled.</p>
      ) : data.why ? (
        <>
          <p>
            It is built again by itself ({request}). <Why why={data.why} />
          </p>
          {/* Of a machine that never came the cause stands above. */}
          {data.why.cause?.instanceId == null ? <WhyCause why={data.why} /> : null}
        </>
      ) : null}
    </div>
  );
}
