import type { Metadata } from "next";
import { changePages } from "@/app/_client/pages";
import { Loaded, loadInfinite } from "@/app/_server/api";
import { PageHead } from "@/app/_ui/page-head";
import { ChangesView } from "./changes-view";

export const metadata: Metadata = { title: "Changes" };

export default async function Changes(props: {
  readonly params: Promise<{ readonly org: string }>;
}) {
  const { org } = await props.params;
  await loadInfinite((api) => api.changes.page.infiniteQueryOptions({ org }, changePages));
  return (
    <Loaded>
      <PageHead title="Changes" note="what was pushed, and what came of it" />
      <div className="px-4 py-3 sm:px-6">
        <ChangesView />
      </div>
    </Loaded>
  );
}
