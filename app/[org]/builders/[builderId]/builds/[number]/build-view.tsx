"use client";

import { useQuery } from "@tanstack/react-query";
import { useSearchParams } from "next/navigation";
import { useLive } from "@/app/_client/live";
import { useTRPC } from "@/app/_client/trpc";
import { pushQuery, replaceQuery, setOrDelete } from "@/app/_client/url-state";
import { useOrg } from "@/app/_shell/org";
import { Announcer } from "./announcer";
import { BuildHead } from "./build-head";
import { logToOpen, stepToOpen } from "./focus";
import { LogPane } from "./log-pane";
import { PANELS, type PanelName, SidePanel } from "./side-panel";
import { StepList } from "./step-list";
import { TabSign } from "./tab-sign";
import { useBuildKeys } from "./use-build-keys";

/** One build: what it is above, its steps at the left, their logs in the middle. */
export function BuildView(props: { builderId: number; number: number }) {
  const org = useOrg();
  const trpc = useTRPC();
  const params = useSearchParams();
  const query = trpc.builds.one.queryOptions({ org: org.slug, ...props });
  const { data: build } = useQuery(query);
  // Whoever waits for a machine hears how it comes.
  const awaited = build?.awaits ? [`worker:${build.workerId}`] : [];
  useLive(build ? [`build:${build.id}`, "builds", ...awaited] : ["builds"], [
    query.queryKey,
    trpc.builds.timeline.queryKey(),
  ]);
  const asked = params.get("step");
  const named = build?.steps.find((step) => String(step.number) === asked);
  const step = build ? (named ?? stepToOpen(build)) : null;
  const log = step ? logToOpen(step.logs, named ? params.get("log") : null) : null;
  const panel = PANELS.find((name) => name === params.get("panel")) ?? null;

  const openStep = (number: number, slug: string | null = null) =>
    pushQuery((q) => {
      q.set("step", String(number));
      setOrDelete(q, "log", slug);
    });
  const openPanel = (name: PanelName | null) => replaceQuery((q) => setOrDelete(q, "panel", name));
  useBuildKeys({ build, step, panel, openStep, openPanel });

  if (!build) return null;
  return (
    <div className="lg:flex lg:h-dvh lg:flex-col">
      <TabSign build={build} />
      <Announcer steps={build.steps} build={build} />
      <BuildHead build={build} panel={panel} onPanel={openPanel} />
      <div
        className={`min-h-0 flex-1 lg:grid ${
          panel ? "lg:grid-cols-[260px_minmax(0,1fr)_330px]" : "lg:grid-cols-[260px_minmax(0,1fr)]"
        }`}
      >
        <StepList build={build} chosen={step?.number ?? null} onOpen={openStep} />
        <LogPane
          build={build}
          step={step}
          log={log}
          onLog={(slug) => step && openStep(step.number, slug)}
        />
        {panel ? <SidePanel build={build} panel={panel} onPanel={openPanel} /> : null}
      </div>
    </div>
  );
}
