"use client";

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import Link from "next/link";
import { useRouter } from "next/navigation";
import { useEffect, useState } from "react";
import { useLive } from "@/app/_client/live";
import { routes } from "@/app/_client/navigation";
import { useTRPC } from "@/app/_client/trpc";
import { Source } from "@/app/_features/builds-table";
import { Why, WhyCause } from "@/app/_features/requests";
import { Status } from "@/app/_features/status";
import { useOrg } from "@/app/_shell/org";
import { Button } from "@/app/_ui/button";
import { Facts } from "@/app/_ui/facts";
import { PageHead } from "@/app/_ui/page-head";
import { ReasonDialog } from "@/app/_ui/reason-dialog";
import { Ago } from "@/app/_ui/time";

export function RequestView(props: { requestId: number }) {
  const org = useOrg();
  const router = useRouter();
  const trpc = useTRPC();
  const queries = useQueryClient();
  const query = trpc.requests.one.queryOptions({ org: org.slug, requestId: props.requestId });
  const { data } = useQuery(query);
  useLive(["requests", "builds", "workers", "pools"], [query.queryKey]);
  const [isAsking, ask] = useState(false);
  const cancel = useMutation(
    trpc.requests.cancel.mutationOptions({
      onSuccess: () => ask(false),
      onSettled: () => queries.invalidateQueries({ queryKey: query.queryKey }),
    }),
  );
  const isTaken = data !== undefined && data.state !== "pending" && data.build !== null;
  useEffect(() => {
    if (isTaken && data.build !== null) {
      router.replace(routes.build(org.slug, data.builderId, data.build));
    }
  }, [isTaken, data, org.slug, router]);
  if (!data) return null;
  return (
    <>
      <PageHead
        title={
          <>
            <Link href={routes.builder(org.slug, data.builderId)} className="hover:underline">
              {data.builder}
            </Link>{" "}
            <span className="font-normal text-muted">request {data.id}</span>
          </>
        }
      >
        {data.state === "pending" ? (
          <Button look="danger" onClick={() => ask(true)}>
            Cancel
          </Button>
        ) : null}
      </PageHead>
      <div className="max-w-3xl px-4 py-5 sm:px-6">
        <div className="mb-5 border-l-2 border-line-strong pl-4 text-base" role="status">
          {data.state === "cancelled" ? (
            <Status state="cancelled" word="Cancelled before it ran" />
          ) : data.why ? (
            <>
              <Status state="waiting" />
              <p className="mt-1">
                <Why why={data.why} />
              </p>
              <p className="mt-1 text-sm">
                <WhyCause why={data.why} />
              </p>
              <p className="mt-1 text-sm text-muted">
                This page becomes the build's page when a worker takes it.
              </p>
            </>
          ) : (
            <Status state="preparing" word="A worker takes it now" />
          )}
        </div>
        <Facts
          facts={[
            ["Asked", <Ago key="at" at={data.submittedAt} />],
            ["By", data.owner],
            ["Reason", data.reason],
            ["Source", <Source key="source" stamps={data.stamps} />],
            ["Priority", String(data.priority)],
          ]}
        />
      </div>
      {isAsking ? (
        <ReasonDialog
          title={`Cancel request ${data.id}`}
          action="Cancel the request"
          keep="Keep it"
          isDangerous
          error={cancel.error}
          isBusy={cancel.isPending}
          onClose={() => ask(false)}
          onSubmit={(reason) => cancel.mutate({ org: org.slug, requestId: data.id, reason })}
        />
      ) : null}
    </>
  );
}
