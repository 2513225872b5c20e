"use client";

import { useQuery } from "@tanstack/react-query";
import { useTRPC } from "@/app/_client/trpc";
import { useOrg } from "@/app/_shell/org";
import { WorkerForm } from "../../configure/worker-form";

/** What is written is not taken away when somebody else saves: their version stands in the history. */
export function SettingsView(props: { workerId: number }) {
  const { workerId } = props;
  const org = useOrg();
  const trpc = useTRPC();
  const { data: kinds } = useQuery(trpc.workers.kinds.queryOptions({ org: org.slug }));
  const { data: entry } = useQuery(trpc.workers.settings.queryOptions({ org: org.slug, workerId }));
  if (!kinds || !entry) return null;
  return <WorkerForm kinds={kinds} type={entry.type} workerId={workerId} original={entry} />;
}
