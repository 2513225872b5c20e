"use client";

import { useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { useState } from "react";
import { routes } from "@/app/_client/navigation";
import { useTRPC } from "@/app/_client/trpc";
import { replaceQuery, useQueryText } from "@/app/_client/url-state";
import { useOrg } from "@/app/_shell/org";
import { buttonClass } from "@/app/_ui/button";
import { Section } from "@/app/_ui/page-head";
import { ArrivalPanel } from "../arrival-panel";
import { ConnectSection } from "../connect-section";
import { DoorChecks } from "../door-checks";
import { DoorTest } from "../door-test";
import { type Made, NewWorker } from "./new-worker";

/** Name in, commands out, and what becomes of them. The worker is in the address: a reload stays. */
export function AddView() {
  const workerId = Number(useQueryText("worker"));
  const [made, setMade] = useState<Made | null>(null);
  if (!workerId) {
    return (
      <NewWorker
        onMade={(worker) => {
          setMade(worker);
          replaceQuery((query) => query.set("worker", String(worker.workerId)));
        }}
      />
    );
  }
  const password = made?.workerId === workerId ? made.password : null;
  return <Awaited key={workerId} workerId={workerId} password={password} />;
}

function Awaited(props: { workerId: number; password: string | null }) {
  const { workerId } = props;
  const org = useOrg();
  const trpc = useTRPC();
  const { data: worker } = useQuery(trpc.workers.one.queryOptions({ org: org.slug, workerId }));
  if (!worker) return null;
  return (
    <>
      <Section title={`How ${worker.name} stands`}>
        <ArrivalPanel workerId={workerId} since={worker.createdAt} />
      </Section>
      <Section title="Connect it">
        <ConnectSection workerId={workerId} password={props.password} />
      </Section>
      <Section title="If it does not come" note="what to try, layer by layer">
        <details>
          <summary className="text-muted hover:text-fg">Try it from this side</summary>
          <div className="mt-3">
            <DoorTest />
          </div>
        </details>
        <details className="mt-3">
          <summary className="text-muted hover:text-fg">Try it on the worker's machine</summary>
          <div className="mt-3">
            <DoorChecks workerId={workerId} />
          </div>
        </details>
      </Section>
      <div className="mt-7 flex flex-wrap gap-2">
        <Link className={buttonClass("primary")} href={routes.worker(org.slug, workerId)}>
          Its page
        </Link>
        <Link className={buttonClass()} href={routes.addWorker(org.slug)}>
          Add another
        </Link>
      </div>
    </>
  );
}
