import type { Metadata } from "next";
import { machinePages } from "@/app/_client/pages";
import { Loaded, loadInfinite } from "@/app/_server/api";
import { askedFor, filterOf } from "./filter";
import { InstancesView } from "./instances-view";

export const metadata: Metadata = { title: "Instances" };

export default async function Instances(props: {
  readonly params: Promise<{ readonly org: string }>;
  readonly searchParams: Promise<Record<string, string | string[] | undefined>>;
}) {
  const { org } = await props.params;
  const given = await props.searchParams;
  const asked = askedFor({
    get: (name) => [given[name]].flat().find((one) => one !== undefined) ?? null,
  });
  await loadInfinite((api) =>
    api.instances.list.infiniteQueryOptions({ org, ...filterOf(asked) }, machinePages),
  );
  return (
    <Loaded>
      <InstancesView />
    </Loaded>
  );
}
