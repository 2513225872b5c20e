"use client";

import Link from "next/link";
import { routes } from "@/app/_client/navigation";
import { useIsAtLeast, useOrg } from "@/app/_shell/org";
import { Section } from "@/app/_ui/page-head";
import type { WorkerPage } from "@/server/api/workers/one";
import { ArrivalPanel } from "../arrival-panel";
import { ConnectSection } from "../connect-section";
import { DoorChecks } from "../door-checks";
import { DoorTest } from "../door-test";
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
      <FindTheLayer worker={worker} />
    </>
  );
}

/** For a worker that does not come: what to try, on this side and on its own. */
function FindTheLayer({ worker }: { worker: WorkerPage }) {
  const org = useOrg();
  const mayConfigure = useIsAtLeast("maintainer");
  const isOurs = worker.kind === "LocalWorker" || worker.latent !== null;
  if (!mayConfigure || isOurs || worker.isRemoved) return null;
  return (
    <div className="mt-7 grid gap-x-10 gap-y-7 xl:grid-cols-2">
      <div className="min-w-0">
        <Section title="Try it from this side">
          <DoorTest />
          <p className="mt-4">
            <Link className="link" href={routes.doors(org.slug)}>
              Who came to the doors last
            </Link>
          </p>
        </Section>
      </div>
      <div className="min-w-0">
        <Section title="Try it on the worker's machine" note="the first that fails is the layer">
          <DoorChecks workerId={worker.id} />
        </Section>
      </div>
    </div>
  );
}

function Connect({ worker }: { worker: WorkerPage }) {
  const mayConfigure = useIsAtLeast("maintainer");
  if (worker.kind === "LocalWorker") {
    return <p className="text-muted">It runs on this host and is started by this installation.</p>;
  }
  if (worker.latent !== null) {
    return (
      <p className="text-muted">
        Each of its machines is given a name and a password of its own when it is made; nobody has
        to connect it.
      </p>
    );
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
