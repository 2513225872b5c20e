"use client";

import { useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { useLive } from "@/app/_client/live";
import { routes } from "@/app/_client/navigation";
import { useTRPC } from "@/app/_client/trpc";
import { healthOf } from "@/app/_features/board/health";
import { BuildStrip } from "@/app/_features/build-strip";
import { BuildsTable } from "@/app/_features/builds-table";
import { PendingRequests } from "@/app/_features/requests";
import { StatusIcon, StatusPlate } from "@/app/_features/status";
import { useIsAtLeast, useOrg } from "@/app/_shell/org";
import { PageHead, Section } from "@/app/_ui/page-head";
import { ForceButtons } from "./force-buttons";

export function BuilderView(props: { builderId: number }) {
  const org = useOrg();
  const trpc = useTRPC();
  const query = trpc.builders.one.queryOptions({ org: org.slug, builderId: props.builderId });
  const { data: builder } = useQuery(query);
  const forms = trpc.builders.forms.queryOptions({ org: org.slug, builderId: props.builderId });
  useLive(["builds", "requests", "workers", "config"], [query.queryKey]);
  useLive(["config", "workers"], [forms.queryKey]);
  const mayForce = useIsAtLeast("developer");
  if (!builder) return null;
  const health = healthOf(builder);
  return (
    <>
      <PageHead
        title={builder.name}
        note={
          <span className="flex flex-wrap items-center gap-x-3 gap-y-1">
            <StatusPlate state={health.state} />
            <span>{builder.description}</span>
          </span>
        }
      >
        {builder.tags.map((tag) => (
          <Link
            key={tag}
            href={`/${org.slug}/builders?tag=${encodeURIComponent(tag)}`}
            className="text-xs text-muted hover:underline"
          >
            #{tag}
          </Link>
        ))}
        {mayForce && !builder.isRemoved ? <ForceButtons builder={builder} /> : null}
      </PageHead>
      <div className="grid gap-x-10 px-4 py-4 sm:px-6 xl:grid-cols-[minmax(0,1fr)_230px]">
        <div className="min-w-0">
          {builder.isRemoved ? (
            <p className="mb-4 border-l-2 border-amber pl-3 text-amber">
              This builder is not in the configuration any more. Its history stays.
            </p>
          ) : null}
          {builder.builds.length > 0 ? (
            <div className="mb-6">
              <BuildStrip
                org={org.slug}
                builderId={builder.id}
                builds={builder.builds}
                slots={60}
                height={64}
                bar={11}
              />
            </div>
          ) : null}
          {builder.pending > 0 ? (
            <Section title="Pending" note={`${builder.pending} waiting`}>
              <PendingRequests builderId={builder.id} onEmpty={null} />
            </Section>
          ) : null}
          <Section title="Builds">
            <BuildsTable
              of={{ builderId: builder.id }}
              empty="It has never built anything. Start a build to see it here."
            />
          </Section>
        </div>
        <aside className="mt-8 xl:mt-0">
          <Section title="Workers">
            {builder.workers.length === 0 ? (
              <p className="py-1 text-amber">No worker serves it: nothing can start.</p>
            ) : (
              <ul>
                {builder.workers.map((worker) => (
                  <li key={worker.id} className="flex h-8 items-center gap-2 border-b border-line">
                    <StatusIcon
                      state={worker.isConnected ? "idle" : "offline"}
                      label={worker.isConnected ? "connected" : "offline"}
                    />
                    <Link href={routes.worker(org.slug, worker.id)} className="hover:underline">
                      {worker.name}
                    </Link>
                  </li>
                ))}
              </ul>
            )}
          </Section>
          <Section title="Steps">
            <ol>
              {builder.steps.map((step, index) => (
                <li
                  // biome-ignore lint/suspicious/noArrayIndexKey: steps are told apart by their place
                  key={index}
                  className="flex h-8 items-center gap-2 border-b border-line"
                >
                  <span className="num w-5 text-right text-faint">{index + 1}</span>
                  <span className="truncate">{step.name ?? step.type}</span>
                  {step.name ? (
                    <span className="ml-auto truncate text-xs text-muted">{step.type}</span>
                  ) : null}
                </li>
              ))}
            </ol>
          </Section>
        </aside>
      </div>
    </>
  );
}
