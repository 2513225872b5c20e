"use client";

import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { useTRPC } from "@/app/_client/trpc";
import { useOrg } from "@/app/_shell/org";
import { PoolForm } from "../../configure/pool-form";

/** What is written is not taken away when somebody else saves: their version stands in the history. */
export function SettingsView({ poolId, name }: { poolId: number; name: string }) {
  const org = useOrg();
  const trpc = useTRPC();
  const { data: kinds } = useQuery(trpc.pools.kinds.queryOptions({ org: org.slug }));
  const { data } = useQuery(trpc.pools.settings.queryOptions({ org: org.slug, poolId }));
  const original = useMemo(() => ({ ...data?.options, name }), [data, name]);
  if (!kinds || !data) return null;
  return <PoolForm kinds={kinds} type={data.type} poolId={poolId} original={original} />;
}
