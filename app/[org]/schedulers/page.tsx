import type { Metadata } from "next";
import { Loaded, load } from "@/app/_server/api";
import { PageHead } from "@/app/_ui/page-head";
import { SchedulersView } from "./schedulers-view";

export const metadata: Metadata = { title: "Schedulers" };

export default async function Schedulers(props: {
  readonly params: Promise<{ readonly org: string }>;
}) {
  const { org } = await props.params;
  await load((api) => api.schedulers.list.queryOptions({ org }));
  return (
    <Loaded>
      <PageHead title="Schedulers" note="what starts builds, and where changes come from" />
      <div className="px-4 py-3 sm:px-6">
        <SchedulersView />
      </div>
    </Loaded>
  );
}
