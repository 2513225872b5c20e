import type { Metadata } from "next";
import { machinePages } from "@/app/_client/pages";
import { Loaded, load, loadInfinite } from "@/app/_server/api";
import { SweepsView } from "./sweeps-view";

export const metadata: Metadata = { title: "Sweeps" };

export default async function Sweeps(props: {
  readonly params: Promise<{ readonly org: string }>;
  readonly searchParams: Promise<Record<string, string | string[] | undefined>>;
}) {
  const { org } = await props.params;
  const eventful = [(await props.searchParams).all].flat()[0] !== "1";
  await Promise.all([
    load((api) => api.instances.accounts.queryOptions({ org })),
    load((api) => api.instances.limits.queryOptions({ org })),
    loadInfinite((api) =>
      api.instances.sweeps.infiniteQueryOptions({ org, eventful }, machinePages),
    ),
  ]);
  return (
    <Loaded>
      <SweepsView />
    </Loaded>
  );
}
