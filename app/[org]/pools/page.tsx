import type { Metadata } from "next";
import { Loaded, load } from "@/app/_server/api";
import { PoolsView } from "./pools-view";

export const metadata: Metadata = { title: "Pools" };

export default async function Pools(props: { readonly params: Promise<{ readonly org: string }> }) {
  const { org } = await props.params;
  await load((api) => api.pools.list.queryOptions({ org }));
  return (
    <Loaded>
      <PoolsView />
    </Loaded>
  );
}
