"use client";

import { useRouter } from "next/navigation";
import { LAYER, useCommands } from "@/app/_client/commands";
import { routes } from "@/app/_client/navigation";
import { useOrg } from "@/app/_shell/org";
import type { BuildPage, StepRow } from "@/server/api/builds/one";
import { nextFailed } from "./focus";
import type { PanelName } from "./side-panel";

export function useBuildKeys(page: {
  build: BuildPage | undefined;
  step: StepRow | null;
  panel: PanelName | null;
  openStep: (number: number) => void;
  openPanel: (panel: PanelName | null) => void;
}): void {
  const { build, step, panel, openStep, openPanel } = page;
  const org = useOrg();
  const router = useRouter();
  const move = (by: number) => {
    const shown = build?.steps.filter((each) => !each.isHidden) ?? [];
    const at = shown.findIndex((each) => each.number === step?.number);
    const next = shown[at + by];
    if (next) openStep(next.number);
  };
  const goTo = (number: number | null | undefined) => {
    if (build && number) router.push(routes.build(org.slug, build.builderId, number));
  };
  const group = "Build";
  useCommands(
    [
      {
        id: "next-failed",
        label: "Next failed step",
        keys: "f",
        group,
        run: () => {
          const failed = nextFailed(build?.steps ?? [], step?.number ?? null);
          if (failed) openStep(failed.number);
        },
      },
      { id: "step-next", label: "Next step", keys: "j", group, run: () => move(1) },
      { id: "step-back", label: "Step before", keys: "k", group, run: () => move(-1) },
      {
        id: "timeline",
        label: "Timeline",
        keys: "i",
        group,
        run: () => openPanel(panel === "timeline" ? null : "timeline"),
      },
      {
        id: "properties",
        label: "Properties",
        keys: "v",
        group,
        run: () => openPanel(panel === "properties" ? null : "properties"),
      },
      { id: "build-next", label: "Newer build", keys: "]", group, run: () => goTo(build?.next) },
      {
        id: "build-back",
        label: "Older build",
        keys: "[",
        group,
        run: () => goTo(build?.previous),
      },
      {
        id: "close",
        label: panel ? "Close the panel" : "Back to the builder",
        keys: "Escape",
        group,
        run: () => {
          if (panel) openPanel(null);
          else if (build) router.push(routes.builder(org.slug, build.builderId));
        },
      },
    ],
    LAYER.page,
  );
}
