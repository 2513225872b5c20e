import type { Metadata } from "next";
import Link from "next/link";
import { notFound } from "next/navigation";
import { routes } from "@/app/_client/navigation";
import { Loaded, load } from "@/app/_server/api";
import { isAtLeast } from "@/app/_shell/roles";
import { PageHead } from "@/app/_ui/page-head";
import type { WorkerPage } from "@/server/api/workers/one";
import type { Entry } from "@/server/api/workers/settings";
import { parseId, type WorkerId } from "@/server/domain/ids";
import { current } from "../../../settings/current";
import { NotAllowed } from "../../../settings/not-allowed";
import { SettingsView } from "./settings-view";

interface Props {
  readonly params: Promise<{ readonly org: string; readonly workerId: string }>;
}

export const metadata: Metadata = { title: "Settings of a worker" };

export default async function WorkerSettings(props: Props) {
  const { org, workerId: text } = await props.params;
  const workerId = parseId<WorkerId>(text);
  if (workerId === null) notFound();
  if (!isAtLeast((await current(org)).role, "maintainer")) {
    return <NotAllowed title="Settings of a worker" needs="maintainer" />;
  }
  const [worker, entry] = await Promise.all([
    load<WorkerPage>((api) => api.workers.one.queryOptions({ org, workerId })),
    load<Entry>((api) => api.workers.settings.queryOptions({ org, workerId })),
    load((api) => api.workers.kinds.queryOptions({ org })),
  ]);
  return (
    <Loaded>
      <PageHead
        title={
          <>
            Settings of{" "}
            <Link className="hover:underline" href={routes.worker(org, workerId)}>
              {worker.name}
            </Link>
          </>
        }
        note={<code className="num">{entry.type}</code>}
      />
      <div className="px-4 py-4 sm:px-6">
        <SettingsView workerId={workerId} />
      </div>
    </Loaded>
  );
}
