import type { Metadata } from "next";
import { buildPages } from "@/app/_client/pages";
import { BuildsTable } from "@/app/_features/builds-table";
import { Loaded, loadInfinite } from "@/app/_server/api";
import { PageHead } from "@/app/_ui/page-head";

export const metadata: Metadata = { title: "Builds" };

export default async function Builds(props: {
  readonly params: Promise<{ readonly org: string }>;
}) {
  const { org } = await props.params;
  await loadInfinite((api) => api.builds.page.infiniteQueryOptions({ org }, buildPages));
  return (
    <Loaded>
      <PageHead title="Builds" note="of all builders, newest first" />
      <div className="px-4 py-3 sm:px-6">
        <BuildsTable of={{ all: true }} empty="Nothing has been built yet." />
      </div>
    </Loaded>
  );
}
