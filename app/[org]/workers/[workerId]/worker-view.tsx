"use client";

import { useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { useLive } from "@/app/_client/live";
import { routes } from "@/app/_client/navigation";
import { useTRPC } from "@/app/_client/trpc";
import { BuildsTable } from "@/app/_features/builds-table";
import { StatusPlate } from "@/app/_features/status";
import { useIsAtLeast, useOrg } from "@/app/_shell/org";
import { Facts } from "@/app/_ui/facts";
import { PageHead, Section } from "@/app/_ui/page-head";
import { Ago, Duration, Moment } from "@/app/_ui/time";
import type { WorkerPage } from "@/server/api/workers/one";
import { refusalOf } from "@/server/domain/workers/refusal";
import { ArrivalPanel } from "../arrival-panel";
import { ConnectSection } from "../connect-section";
import { actionsFor, WorkerActions } from "../worker-actions";
import { WorkerState } from "../worker-state";

export function WorkerView(props: { workerId: number }) {
  const org = useOrg();
  const trpc = useTRPC();
  const query = trpc.workers.one.queryOptions({ org: org.slug, workerId: props.workerId });
  const { data: worker } = useQuery(query);
  useLive([`worker:${props.workerId}`, "workers", "builds"], [query.queryKey]);
  if (!worker) return null;
  return (
    <>
      <PageHead title={worker.name} note={<StatusPlate state={worker.shown.word} />}>
        <WorkerActions workers={[worker]} possible={actionsFor(worker)} />
      </PageHead>
      <div className="px-4 py-4 sm:px-6">
        <p className="mb-5">
          {worker.isRemoved ? (
            <span className="text-amber">
              It is not in the configuration any more. Its history stays.
            </span>
          ) : (
            <WorkerState worker={worker} isWordElsewhere />
          )}
        </p>
        <div className="grid gap-x-10 gap-y-7 lg:grid-cols-2">
          <div>
            <Section title="Facts">
              <FactList worker={worker} />
            </Section>
          </div>
          <div>
            <Section title="Connect it">
              <Connect worker={worker} />
            </Section>
            <Section title="Builders it serves">
              {worker.builders.length === 0 ? (
                <p className="text-muted">
                  None: no builder has {worker.name} among its workernames, so nothing is built on
                  it.
                </p>
              ) : (
                <ul className="flex flex-wrap gap-x-4 gap-y-1">
                  {worker.builders.map((builder) => (
                    <li key={builder.id}>
                      <Link className="link" href={routes.builder(org.slug, builder.id)}>
                        {builder.name}
                      </Link>
                    </li>
                  ))}
                </ul>
              )}
            </Section>
          </div>
        </div>
        <Section title="Builds">
          <BuildsTable of={{ workerId: worker.id }} empty="It has built nothing yet." />
        </Section>
        <div className="mt-7 grid gap-x-10 gap-y-7 lg:grid-cols-2">
          <div>
            <Sessions worker={worker} />
          </div>
          <div>
            <Door worker={worker} />
          </div>
        </div>
      </div>
    </>
  );
}

function FactList({ worker }: { worker: WorkerPage }) {
  const named = ["admin", "host", "access_uri"];
  const others = Object.entries(worker.info).filter(([name]) => !named.includes(name));
  const uri = worker.info.access_uri;
  return (
    <Facts
      facts={[
        ["Kind", worker.kind],
        [
          "Logs in as",
          <code key="login" className="num">
            {worker.loginName}
          </code>,
        ],
        ["Admin", worker.info.admin],
        ["Host", worker.info.host],
        [
          "Access",
          uri && /^https?:\/\//.test(uri) ? (
            <a key="uri" className="link" href={uri} rel="noreferrer">
              {uri}
            </a>
          ) : (
            uri
          ),
        ],
        ["Version", worker.version],
        ["System", worker.system],
        ["Processors", worker.numcpus === null ? null : String(worker.numcpus)],
        [
          "Directory",
          worker.basedir ? (
            <code key="dir" className="num">
              {worker.basedir}
            </code>
          ) : null,
        ],
        ["Builds at once", worker.maxBuilds === null ? "no limit" : String(worker.maxBuilds)],
        ["Protocol", worker.isConnected ? `${worker.protocol} from ${worker.peer}` : null],
        [
          "Connected",
          worker.isConnected && worker.connectedAt !== null ? (
            <Ago key="since" at={worker.connectedAt} />
          ) : null,
        ],
        ["Last seen", worker.isConnected ? null : <Ago key="seen" at={worker.lastSeenAt} />],
        ...others.map(([name, value]) => [name, value] as const),
      ]}
    />
  );
}

function Connect({ worker }: { worker: WorkerPage }) {
  const mayConfigure = useIsAtLeast("maintainer");
  if (worker.kind === "LocalWorker") {
    return <p className="text-muted">It runs on this host and is started by this installation.</p>;
  }
  return (
    <div className="space-y-4">
      {mayConfigure && !worker.isConnected && !worker.isRemoved ? (
        <ArrivalPanel workerId={worker.id} since={worker.createdAt} />
      ) : null}
      <ConnectSection workerId={worker.id} password={null} />
    </div>
  );
}

function Sessions({ worker }: { worker: WorkerPage }) {
  return (
    <Section title="Sessions" note="the last 20 connections">
      {worker.sessions.length === 0 ? (
        <p className="text-muted">It has never connected.</p>
      ) : (
        <table className="rows">
          <thead>
            <tr>
              <th>From</th>
              <th>Since</th>
              <th>Lasted</th>
              <th>End</th>
            </tr>
          </thead>
          <tbody>
            {worker.sessions.map((session) => (
              <tr key={session.id}>
                <td className="num">
                  {session.peer} <span className="text-muted">{session.protocol}</span>
                </td>
                <td className="text-muted">
                  <Ago at={session.startedAt} />
                </td>
                <td>
                  <Duration from={session.startedAt} to={session.endedAt} />
                </td>
                <td className="text-muted">{session.endReason ?? "lives"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Section>
  );
}

function Door({ worker }: { worker: WorkerPage }) {
  return (
    <Section title="At the door" note="refused logins under its name">
      {worker.door.length === 0 ? (
        <p className="text-muted">Nobody was turned away.</p>
      ) : (
        <table className="rows">
          <thead>
            <tr>
              <th>When</th>
              <th>From</th>
              <th>Why</th>
            </tr>
          </thead>
          <tbody>
            {worker.door.map((event) => (
              <tr key={event.id}>
                <td>
                  <Moment at={event.at} />
                </td>
                <td className="num">{event.peer}</td>
                <td className="py-1.5!">
                  {refusalOf(event.reason).says} <span className="text-muted">{event.detail}</span>
                  <p className="text-xs text-muted">{refusalOf(event.reason).advice}</p>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Section>
  );
}
