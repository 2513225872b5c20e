"use client";

import { useIsAtLeast } from "@/app/_shell/org";
import { Section } from "@/app/_ui/page-head";
import type { WorkerPage } from "@/server/api/workers/one";
import { ArrivalPanel } from "../arrival-panel";
import { ConnectSection } from "../connect-section";
import { Refusals } from "./refusals";
import { Sessions } from "./sessions";

export function ConnectionPart({ worker }: { worker: WorkerPage }) {
  return (
    <>
      <div className="mb-7 grid gap-x-10 gap-y-7 xl:grid-cols-2">
        <div className="min-w-0">
          <Section title="Sessions" note="its connections, newest first">
            <Sessions workerId={worker.id} />
          </Section>
        </div>
        <div className="min-w-0">
          <Section title="Refused" note="logins under its name that did not get in">
            <Refusals workerId={worker.id} />
          </Section>
        </div>
      </div>
      <Section title="Connect it">
        <Connect worker={worker} />
      </Section>
    </>
  );
}

function Connect({ worker }: { worker: WorkerPage }) {
  const mayConfigure = useIsAtLeast("maintainer");
  if (worker.kind === "LocalWorker") {
    return <p className="text-muted">It runs on this host and is started by this installation.</p>;
  }
  return (
    <div className="max-w-3xl space-y-4">
      {mayConfigure && !worker.isConnected && !worker.isRemoved ? (
        <ArrivalPanel workerId={worker.id} since={worker.createdAt} />
      ) : null}
      <ConnectSection workerId={worker.id} password={null} />
    </div>
  );
}
