import type { Metadata } from "next";
import { Loaded, load } from "@/app/_server/api";
import { lastDays } from "./days";
import { LimitsView } from "./limits-view";

export const metadata: Metadata = { title: "Limits and cost of machines" };

export default async function Limits(props: {
  readonly params: Promise<{ readonly org: string }>;
}) {
  const { org } = await props.params;
  const period = lastDays(Date.now());
  await Promise.all([
    load((api) => api.instances.limits.queryOptions({ org })),
    load((api) => api.instances.costs.queryOptions({ org, ...period })),
  ]);
  return (
    <Loaded>
      <LimitsView period={period} />
    </Loaded>
  );
}
