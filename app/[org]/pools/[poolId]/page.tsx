import type { Metadata } from "next";
import { notFound } from "next/navigation";
import { Loaded, load } from "@/app/_server/api";
import type { PoolPage } from "@/server/api/pools/one";
import { type PoolId, parseId } from "@/server/domain/ids";
import { PoolView } from "./pool-view";

interface Props {
  readonly params: Promise<{ readonly org: string; readonly poolId: string }>;
}

async function find(props: Props) {
  const { org, poolId: text } = await props.params;
  const poolId = parseId<PoolId>(text);
  if (poolId === null) notFound();
  const page = await load<PoolPage>((api) => api.pools.one.queryOptions({ org, poolId }));
  return { org, poolId, page };
}

export async function generateMetadata(props: Props): Promise<Metadata> {
  return { title: `Pool ${(await find(props)).page.pool.name}` };
}

export default async function Pool(props: Props) {
  const { org, poolId } = await find(props);
  await load((api) => api.pools.graph.queryOptions({ org, poolId }));
  return (
    <Loaded>
      <PoolView poolId={poolId} />
    </Loaded>
  );
}
