import type { Metadata } from "next";
import Link from "next/link";
import { notFound } from "next/navigation";
import { routes } from "@/app/_client/navigation";
import { Loaded, load } from "@/app/_server/api";
import { isAtLeast } from "@/app/_shell/roles";
import { PageHead } from "@/app/_ui/page-head";
import type { PoolPage } from "@/server/api/pools/one";
import type { PoolSettings as Settings } from "@/server/api/pools/settings";
import { type PoolId, parseId } from "@/server/domain/ids";
import { current } from "../../../settings/current";
import { NotAllowed } from "../../../settings/not-allowed";
import { SettingsView } from "./settings-view";

interface Props {
  readonly params: Promise<{ readonly org: string; readonly poolId: string }>;
}

export const metadata: Metadata = { title: "Settings of a pool" };

export default async function PoolSettings(props: Props) {
  const { org, poolId: text } = await props.params;
  const poolId = parseId<PoolId>(text);
  if (poolId === null) notFound();
  if (!isAtLeast((await current(org)).role, "maintainer")) {
    return <NotAllowed title="Settings of a pool" needs="maintainer" />;
  }
  const [page, settings] = await Promise.all([
    load<PoolPage>((api) => api.pools.one.queryOptions({ org, poolId })),
    load<Settings>((api) => api.pools.settings.queryOptions({ org, poolId })),
    load((api) => api.pools.kinds.queryOptions({ org })),
  ]);
  return (
    <Loaded>
      <PageHead
        title={
          <>
            Settings of pool{" "}
            <Link className="hover:underline" href={routes.pool(org, poolId)}>
              {page.pool.name}
            </Link>
          </>
        }
        note={<code className="num">{settings.type}</code>}
      />
      <div className="px-4 py-4 sm:px-6">
        <SettingsView poolId={poolId} name={page.pool.name} />
      </div>
    </Loaded>
  );
}
