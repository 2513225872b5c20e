import type { Metadata } from "next";
import { Loaded, load } from "@/app/_server/api";
import { WorkersView } from "./workers-view";

export const metadata: Metadata = { title: "Workers" };

export default async function Workers(props: {
  readonly params: Promise<{ readonly org: string }>;
}) {
  const { org } = await props.params;
  await load((api) => api.workers.list.queryOptions({ org }));
  return (
    <Loaded>
      <WorkersView />
    </Loaded>
  );
}
