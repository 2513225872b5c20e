import type { Metadata } from "next";
import { notFound } from "next/navigation";
import { buildPages, comingPages, machinePages } from "@/app/_client/pages";
import { Loaded, load, loadInfinite } from "@/app/_server/api";
import type { WorkerPage } from "@/server/api/workers/one";
import { parseId, type WorkerId } from "@/server/domain/ids";
import { type Part, partOf } from "./parts";
import { WorkerView } from "./worker-view";

interface Props {
  readonly params: Promise<{ readonly org: string; readonly workerId: string }>;
  readonly searchParams: Promise<{ readonly part?: string | string[] }>;
}

async function find(props: Pick<Props, "params">) {
  const { org, workerId: text } = await props.params;
  const workerId = parseId<WorkerId>(text);
  if (workerId === null) notFound();
  const worker = await load<WorkerPage>((api) => api.workers.one.queryOptions({ org, workerId }));
  return { org, workerId, worker };
}

export async function generateMetadata(props: Props): Promise<Metadata> {
  return { title: (await find(props)).worker.name };
}

export default async function Worker(props: Props) {
  const { org, workerId } = await find(props);
  const part = partOf([(await props.searchParams).part].flat()[0]);
  await Promise.all([
    load((api) => api.workers.busy.queryOptions({ org, workerIds: [workerId] })),
    ...OF_PART[part](org, workerId),
  ]);
  return (
    <Loaded>
      <WorkerView workerId={workerId} />
    </Loaded>
  );
}

/** What each part shows first, loaded here so that nothing shifts. */
const OF_PART: Readonly<Record<Part, (org: string, workerId: WorkerId) => Promise<unknown>[]>> = {
  overview: (org, workerId) => [
    loadInfinite((api) => api.instances.list.infiniteQueryOptions({ org, workerId }, machinePages)),
    load((api) => api.workers.builders.queryOptions({ org, workerId })),
    load((api) => api.workers.waiting.queryOptions({ org, workerId })),
    load((api) => api.workers.losses.queryOptions({ org, workerId })),
  ],
  builds: (org, workerId) => [
    loadInfinite((api) => api.builds.page.infiniteQueryOptions({ org, workerId }, buildPages)),
  ],
  history: (org, workerId) => [
    load((api) => api.workers.losses.queryOptions({ org, workerId })),
    loadInfinite((api) => api.workers.history.infiniteQueryOptions({ org, workerId }, comingPages)),
  ],
  connection: (org, workerId) => [
    load((api) => api.workers.connection.queryOptions({ org, workerId })),
    loadInfinite((api) =>
      api.workers.sessions.infiniteQueryOptions({ org, workerId }, comingPages),
    ),
    loadInfinite((api) =>
      api.workers.refusals.infiniteQueryOptions({ org, workerId }, comingPages),
    ),
  ],
};
