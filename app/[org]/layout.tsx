import type { inferProcedureOutput } from "@trpc/server";
import type { ReactNode } from "react";
import { Providers } from "@/app/_client/providers";
import { load } from "@/app/_server/api";
import { Shell } from "@/app/_shell/shell";
import type { AppRouter } from "@/server/api/router";

type Current = inferProcedureOutput<AppRouter["organizations"]["current"]>;

export default async function OrgLayout(props: {
  readonly children: ReactNode;
  readonly params: Promise<{ readonly org: string }>;
}) {
  const { org } = await props.params;
  const current = await load<Current>((api) => api.organizations.current.queryOptions({ org }));
  return (
    <Providers>
      <Shell org={current}>{props.children}</Shell>
    </Providers>
  );
}
