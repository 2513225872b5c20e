import type { Metadata } from "next";
import { Loaded, load } from "@/app/_server/api";
import { isAtLeast } from "@/app/_shell/roles";
import { PageHead } from "@/app/_ui/page-head";
import { current } from "../../settings/current";
import { NotAllowed } from "../../settings/not-allowed";
import { AddPool } from "./add-pool";

export const metadata: Metadata = { title: "New pool" };

export default async function NewPool(props: {
  readonly params: Promise<{ readonly org: string }>;
}) {
  const { org } = await props.params;
  if (!isAtLeast((await current(org)).role, "maintainer")) {
    return <NotAllowed title="New pool" needs="maintainer" />;
  }
  await load((api) => api.pools.kinds.queryOptions({ org }));
  return (
    <Loaded>
      <PageHead title="New pool" note="workers that come and go with what waits" />
      <div className="px-4 py-4 sm:px-6">
        <AddPool />
      </div>
    </Loaded>
  );
}
