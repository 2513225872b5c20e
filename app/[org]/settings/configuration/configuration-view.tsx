"use client";

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTRPC } from "@/app/_client/trpc";
import { useOrg } from "@/app/_shell/org";
import { DocumentPicker } from "./document-picker";
import { keyOfTarget, targetOf } from "./target";
import { Versions } from "./versions";
import { Workbench } from "./workbench";

export function ConfigurationView(props: { document: string | undefined }) {
  const org = useOrg();
  const trpc = useTRPC();
  const target = targetOf(props.document);
  const { data } = useQuery(trpc.config.current.queryOptions({ org: org.slug, target }));
  // A text that somebody else's hand made active is shown from the beginning.
  const [generation, setGeneration] = useState(0);
  const projects = data?.documents.flatMap(({ project }) => project ?? []) ?? [];
  return (
    <div className="space-y-4">
      <DocumentPicker target={target} projects={projects} />
      <Workbench key={`${keyOfTarget(target)} ${generation}`} target={target} />
      <Versions target={target} onBack={() => setGeneration(generation + 1)} />
    </div>
  );
}
