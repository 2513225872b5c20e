import type { Metadata } from "next";
import { notFound } from "next/navigation";
import { buildPages } from "@/app/_client/pages";
import { Loaded, load, loadInfinite } from "@/app/_server/api";
import type { WorkerPage } from "@/server/api/workers/one";
import { parseId, type WorkerId } from "@/server/domain/ids";
import { WorkerView } from "./worker-view";

interface Props {
  readonly params: Promise<{ readonly org: string; readonly workerId: string }>;
}

async function find(props: Props) {
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
  await Promise.all([
    load((api) => api.workers.connection.queryOptions({ org, workerId })),
    loadInfinite((api) => api.builds.page.infiniteQueryOptions({ org, workerId }, buildPages)),
  ]);
  return (
    <Loaded>
      <WorkerView workerId={workerId} />
    </Loaded>
  );
}
