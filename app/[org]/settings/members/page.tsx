import type { Metadata } from "next";
import { Loaded, load } from "@/app/_server/api";
import { PageHead } from "@/app/_ui/page-head";
import { MembersView } from "./members-view";

export const metadata: Metadata = { title: "Members" };

export default async function Members(props: {
  readonly params: Promise<{ readonly org: string }>;
}) {
  const { org } = await props.params;
  await load((api) => api.members.list.queryOptions({ org }));
  return (
    <Loaded>
      <PageHead title="Members" />
      <div className="px-4 py-4 sm:px-6">
        <MembersView />
      </div>
    </Loaded>
  );
}
