"use client";

import { useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { useLive } from "@/app/_client/live";
import { routes } from "@/app/_client/navigation";
import { useTRPC } from "@/app/_client/trpc";
import { cost, hours, LifeLegend, LifeStrip, MachineAge } from "@/app/_features/machines";
import { StatusPlate } from "@/app/_features/status";
import { useOrg } from "@/app/_shell/org";
import { Facts } from "@/app/_ui/facts";
import { PageHead, Section } from "@/app/_ui/page-head";
import { Moment } from "@/app/_ui/time";
import type { InstancePage } from "@/server/api/instances/one";
import { Failure } from "./failure";
import { InstanceBuilds } from "./instance-builds";
import { LifeEvents } from "./life-events";
import { StopMachine } from "./stop-machine";

/** The biography of one machine: how its time went, what it built, why it ended, what it cost. */
export function InstanceView(props: { instanceId: number }) {
  const { instanceId } = props;
  const org = useOrg();
  const trpc = useTRPC();
  const query = trpc.instances.one.queryOptions({ org: org.slug, instanceId });
  const { data: instance } = useQuery(query);
  useLive(
    instance
      ? [`instance:${instanceId}`, `worker:${instance.workerId}`, "builds"]
      : [`instance:${instanceId}`],
    [query.queryKey],
  );
  if (!instance) return null;
  return (
    <>
      <PageHead
        title={`Machine ${instance.generation} of ${instance.worker}`}
        note={<StatusPlate state={instance.activity} />}
      >
        <StopMachine instance={instance} />
      </PageHead>
      <div className="px-4 py-4 sm:px-6">
        {instance.isFailed ? null : (
          <p className="mb-4 min-h-5 break-words text-muted first-letter:uppercase">
            {sentence(instance)}
          </p>
        )}
        <Failure instance={instance} />
        <Section title="Its life" note="length is time">
          <LifeStrip stretches={instance.stretches} isFailed={instance.isFailed} />
          <LifeLegend stretches={instance.stretches} />
        </Section>
        <div className="mt-7 grid gap-x-10 gap-y-7 xl:grid-cols-2">
          <div className="min-w-0">
            <Section title="What happened" note="newest first">
              <LifeEvents events={instance.events} />
            </Section>
          </div>
          <div className="min-w-0">
            <Section title="Builds" note="that waited for it or had it">
              <InstanceBuilds instance={instance} />
            </Section>
            <Section title="Facts">
              <InstanceFactList instance={instance} />
            </Section>
          </div>
        </div>
      </div>
    </>
  );
}

function sentence({ state, reason, endReason, activity, runningBuilds }: InstancePage): string {
  if (activity === "building") {
    return runningBuilds === 1 ? "It runs a build." : `It runs ${runningBuilds} builds.`;
  }
  if (activity === "idle") return "It is there, and no build has it.";
  if (state === "gone" && endReason) return `It is gone: ${endReason}.`;
  return reason ? `${reason}.` : "";
}

const BILLING = {
  second: "by the second",
  "started-hour": "by each hour that it begins",
  free: "not at all: it is a machine of your own (price_per_hour of its worker changes that)",
} as const;

function InstanceFactList({ instance }: { instance: InstancePage }) {
  const org = useOrg();
  const { billing, pricePerHour, currency } = instance;
  return (
    <Facts
      facts={[
        [
          "Worker",
          instance.workerId === 0 ? null : (
            <Link key="worker" className="link" href={routes.worker(org.slug, instance.workerId)}>
              {instance.worker}
            </Link>
          ),
        ],
        [
          "Made by",
          <code key="driver" className="num">
            {instance.driver}
          </code>,
        ],
        [
          "Key",
          <code key="key" className="num break-all">
            {instance.key}
          </code>,
        ],
        ["Asked for", <Moment key="asked" at={instance.createdAt} />],
        [
          "Logged in",
          instance.connectedAt === null ? null : <Moment key="in" at={instance.connectedAt} />,
        ],
        ["Gone", instance.goneAt === null ? null : <Moment key="gone" at={instance.goneAt} />],
        ["From wish to login", instance.startMs === null ? null : hours(instance.startMs / 1_000)],
        ["Age", <MachineAge key="age" createdAt={instance.createdAt} goneAt={instance.goneAt} />],
        ["Billed", BILLING[billing]],
        [
          "Price",
          pricePerHour === null || billing === "free"
            ? null
            : `${cost(pricePerHour, currency)} an hour`,
        ],
        [
          instance.goneAt === null ? "Cost so far" : "Cost",
          <span key="cost">
            {billing === "free" ? "none" : cost(instance.cost, currency)}
            {instance.cost === null ? (
              <span className="text-muted"> (price_per_hour of its worker says it)</span>
            ) : null}
          </span>,
        ],
      ]}
    />
  );
}
