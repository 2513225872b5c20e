"use client";

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useLive } from "@/app/_client/live";
import { useTRPC } from "@/app/_client/trpc";
import { Ladder, type Rung } from "@/app/_features/ladder";
import { Status } from "@/app/_features/status";
import { useOrg } from "@/app/_shell/org";
import { Ago } from "@/app/_ui/time";
import type { WorkerPage } from "@/server/api/workers/one";
import { type Arrival, arrivalOf, type Failure } from "./arrival";

/** Waits for a worker, layer by layer, and turns green when it is there. */
export function ArrivalPanel(props: { workerId: number; since: number }) {
  const org = useOrg();
  const trpc = useTRPC();
  const query = trpc.workers.one.queryOptions({ org: org.slug, workerId: props.workerId });
  const { data: worker } = useQuery(query);
  useLive(["workers", `worker:${props.workerId}`], [query.queryKey]);
  const isAwaited = worker?.isConnected === false;
  const [since] = useState(props.since);
  const strangersQuery = trpc.workers.strangers.queryOptions({ org: org.slug, since });
  useLive(["doors"], isAwaited ? [strangersQuery.queryKey] : []);
  const strangers = useQuery({
    ...strangersQuery,
    enabled: isAwaited,
  });
  if (!worker) return null;
  const arrival = arrivalOf(worker, strangers.data?.events ?? []);
  return (
    <div
      role="status"
      className={`rounded-md border px-4 py-3 ${
        arrival.isConnected ? "border-green bg-green-soft" : "border-line bg-sunken"
      }`}
    >
      <p className="mb-3 font-semibold">
        {arrival.isConnected ? (
          <Status state="success" word={`${worker.name} is connected. It can build.`} />
        ) : arrival.failure ? (
          <Status state="failure" word="It does not get in yet" />
        ) : (
          <Status state="waiting" word="Waiting for it to connect" />
        )}
      </p>
      {arrival.isConnected ? (
        <Attached worker={worker} />
      ) : (
        <>
          <Ladder label="How far it comes" rungs={rungsOf(arrival)} />
          {strangers.data?.isVisible === false ? <Unseen /> : null}
        </>
      )}
    </div>
  );
}

function rungsOf({ layers, failure }: Arrival): Rung[] {
  return layers.map(({ id, title, state }, index) => ({
    id,
    title,
    state:
      state === "passed"
        ? "success"
        : state === "failed"
          ? "failure"
          : index === 0
            ? "waiting"
            : "pending",
    body:
      state === "failed" && failure ? (
        <Told failure={failure} />
      ) : state === "open" && index === 0 ? (
        <p className="text-muted">
          No connection has come to the doors. If the worker is started, it does not reach this
          host: the lines below, for the worker's machine, say why.
        </p>
      ) : null,
  }));
}

function Told({ failure }: { failure: Failure }) {
  return (
    <div className="space-y-1">
      <p>
        {failure.says}
        {failure.reason === "unknown-name" && failure.loginName ? (
          <>
            {" "}
            It says it is <code className="num">{failure.loginName}</code>.
          </>
        ) : null}
      </p>
      <p className="text-muted">{failure.advice}</p>
      <p className="text-xs text-muted">
        From <span className="num">{failure.peer}</span>, <Ago at={failure.at} />: {failure.detail}
        {failure.isStranger ? ". It gave no name that is known, so it may be another machine." : ""}
      </p>
    </div>
  );
}

function Unseen() {
  return (
    <p className="mt-3 text-xs text-muted">
      Only logins under this worker's own name are shown here. What fails before (a wrong port, TLS,
      a name nobody has) is seen by the administrators of this installation.
    </p>
  );
}

function Attached({ worker }: { worker: WorkerPage }) {
  const facts = [
    worker.version ? `version ${worker.version}` : null,
    worker.info.os_pretty_name ?? worker.info.os_name ?? worker.system,
    worker.numcpus === null ? null : `${worker.numcpus} processors`,
    worker.protocol && worker.peer ? `${worker.protocol} from ${worker.peer}` : null,
  ].filter((fact) => fact !== null && fact !== undefined);
  return <p>{facts.join(", ")}</p>;
}
