import type { Metadata } from "next";
import { Loaded, load } from "@/app/_server/api";
import type { FleetPage } from "@/server/api/workers/list";
import { askedFor, filterOf } from "./filter";
import { FleetView } from "./fleet-view";

export const metadata: Metadata = { title: "Workers" };

export default async function Workers(props: {
  readonly params: Promise<{ readonly org: string }>;
  readonly searchParams: Promise<Record<string, string | string[] | undefined>>;
}) {
  const { org } = await props.params;
  const given = await props.searchParams;
  const asked = askedFor({
    get: (name) => [given[name]].flat().find((one) => one !== undefined) ?? null,
  });
  const { workers } = await load<FleetPage>((api) =>
    api.workers.list.queryOptions({ org, ...filterOf(asked), page: asked.page }),
  );
  const workerIds = workers.map(({ id }) => id);
  await load((api) => api.workers.busy.queryOptions({ org, workerIds }));
  return (
    <Loaded>
      <FleetView />
    </Loaded>
  );
}
