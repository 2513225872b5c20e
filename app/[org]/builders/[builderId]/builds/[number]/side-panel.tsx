"use client";

import { Button } from "@/app/_ui/button";
import { ICONS, Icon } from "@/app/_ui/icon";
import type { BuildPage } from "@/server/api/builds/one";
import { ChangeList } from "./change-list";
import { PropertyList } from "./property-list";
import { Timeline } from "./timeline";

export const PANELS = ["timeline", "properties", "changes"] as const;
export type PanelName = (typeof PANELS)[number];

export function SidePanel(props: {
  build: BuildPage;
  panel: PanelName;
  onPanel: (panel: PanelName | null) => void;
}) {
  return (
    <aside
      aria-label={props.panel}
      className="overflow-y-auto border-line bg-bg max-lg:border-t lg:border-l"
    >
      <div className="flex h-10 items-center justify-between border-b border-line pr-2 pl-4">
        <h2 className="label">{props.panel}</h2>
        <Button look="quiet" small aria-label="Close the panel" onClick={() => props.onPanel(null)}>
          <Icon path={ICONS.close} />
        </Button>
      </div>
      {props.panel === "timeline" ? <Timeline build={props.build} /> : null}
      {props.panel === "properties" ? <PropertyList properties={props.build.properties} /> : null}
      {props.panel === "changes" ? <ChangeList build={props.build} /> : null}
    </aside>
  );
}
