"use client";

import { useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { useLive } from "@/app/_client/live";
import { useTRPC } from "@/app/_client/trpc";
import { useOrg } from "@/app/_shell/org";
import { buttonClass } from "@/app/_ui/button";
import { Empty } from "@/app/_ui/empty";
import { Section } from "@/app/_ui/page-head";
import { SchedulerTable } from "./scheduler-table";
import { SourceTable } from "./source-table";

/** What fires next, what fired last, and what is wrong with it. */
export function SchedulersView() {
  const org = useOrg();
  const trpc = useTRPC();
  const query = trpc.schedulers.list.queryOptions({ org: org.slug });
  const { data } = useQuery(query);
  useLive(["schedulers", "changesources", "config", "changes"], [query.queryKey]);
  if (!data) return null;
  const { schedulers, sources } = data;
  if (schedulers.length + sources.length === 0) return <Nothing />;
  return (
    <>
      <Section title="Schedulers">
        {schedulers.length > 0 ? (
          <SchedulerTable schedulers={schedulers} />
        ) : (
          <p className="py-2 text-muted">
            Changes are seen and nothing builds them: a project needs a scheduler.
          </p>
        )}
      </Section>
      <Section title="Change sources">
        {sources.length > 0 ? (
          <SourceTable sources={sources} />
        ) : (
          <p className="py-2 text-muted">
            Nothing tells of changes: a project needs a change_source for its repository.
          </p>
        )}
      </Section>
    </>
  );
}

const EXAMPLE = `schedulers:
  - {type: SingleBranchScheduler, name: main, change_filter: {branch: main}, treeStableTimer: 60, builderNames: [BUILDER]}`;

function Nothing() {
  const org = useOrg();
  return (
    <div className="py-4">
      <Empty
        title="Nothing starts builds by itself"
        command={EXAMPLE}
        action={
          <Link className={buttonClass("primary")} href={`/${org.slug}/settings/configuration`}>
            Open the configuration
          </Link>
        }
      >
        A scheduler decides when to build, and which builders. Until there is one, builds are asked
        for by people and programs. Written into a project:
      </Empty>
    </div>
  );
}
