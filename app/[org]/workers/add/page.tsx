import type { Metadata } from "next";
import { Loaded, load } from "@/app/_server/api";
import { isAtLeast } from "@/app/_shell/roles";
import { PageHead } from "@/app/_ui/page-head";
import type { WorkerPage } from "@/server/api/workers/one";
import { parseId, type WorkerId } from "@/server/domain/ids";
import { current } from "../../settings/current";
import { NotAllowed } from "../../settings/not-allowed";
import { AddPageView } from "./add-page-view";

export const metadata: Metadata = { title: "Add a worker" };

export default async function AddWorker(props: {
  readonly params: Promise<{ readonly org: string }>;
  readonly searchParams: Promise<{ readonly worker?: string | string[] }>;
}) {
  const { org } = await props.params;
  if (!isAtLeast((await current(org)).role, "maintainer")) {
    return <NotAllowed title="Add a worker" needs="maintainer" />;
  }
  const workerId = parseId<WorkerId>(String((await props.searchParams).worker ?? ""));
  await load((api) => api.workers.kinds.queryOptions({ org }));
  if (workerId !== null) {
    await Promise.all([
      load<WorkerPage>((api) => api.workers.one.queryOptions({ org, workerId })),
      load((api) => api.workers.connection.queryOptions({ org, workerId })),
    ]);
  }
  return (
    <Loaded>
      <PageHead title="Add a worker" note="a machine that runs the steps of builds" />
      <div className="px-4 py-4 sm:px-6">
        <AddPageView />
      </div>
    </Loaded>
  );
}
