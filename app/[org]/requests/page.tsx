import type { Metadata } from "next";
import { requestPages } from "@/app/_client/pages";
import { Loaded, loadInfinite } from "@/app/_server/api";
import { PageHead } from "@/app/_ui/page-head";
import { type BuilderId, parseId } from "@/server/domain/ids";
import { RequestsPage } from "./requests-page";

export const metadata: Metadata = { title: "Pending requests" };

export default async function Requests(props: {
  readonly params: Promise<{ readonly org: string }>;
  readonly searchParams: Promise<{ readonly builder?: string | string[] }>;
}) {
  const { org } = await props.params;
  const { builder } = await props.searchParams;
  const builderId =
    typeof builder === "string" ? (parseId<BuilderId>(builder) ?? undefined) : undefined;
  await loadInfinite((api) =>
    api.requests.list.infiniteQueryOptions({ org, builderId }, requestPages),
  );
  return (
    <Loaded>
      <PageHead title="Pending requests" note="in the order they are served" />
      <div className="px-4 py-3 sm:px-6">
        <RequestsPage builderId={builderId} />
      </div>
    </Loaded>
  );
}
