"use client";

import { Section } from "@/app/_ui/page-head";
import type { WorkerPage } from "@/server/api/workers/one";
import { Environ } from "./environ";
import { FactList } from "./fact-list";
import { Losses } from "./losses";
import { Machines } from "./machines";
import { NotChosen } from "./not-chosen";
import { ServedBuilders } from "./served-builders";

export function OverviewPart({ worker }: { worker: WorkerPage }) {
  return (
    <>
      {worker.isConnected || worker.latent !== null ? null : (
        <Losses workerId={worker.id} isOpenOnly />
      )}
      {worker.latent === null ? null : <Machines workerId={worker.id} />}
      <NotChosen workerId={worker.id} />
      <div className="grid gap-x-10 gap-y-7 xl:grid-cols-2">
        <div className="min-w-0">
          <Section title="What it can build" note="and how it went here">
            <ServedBuilders worker={worker} />
          </Section>
        </div>
        <div className="min-w-0">
          <Section title="Facts" note="as the worker says them when it connects">
            <FactList worker={worker} />
          </Section>
          <Environ workerId={worker.id} />
        </div>
      </div>
    </>
  );
}
