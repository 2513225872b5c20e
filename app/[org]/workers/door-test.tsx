"use client";

import { useMutation, useQuery } from "@tanstack/react-query";
import { useTRPC } from "@/app/_client/trpc";
import { Ladder, type Rung } from "@/app/_features/ladder";
import { useOrg } from "@/app/_shell/org";
import { Button } from "@/app/_ui/button";
import { Facts } from "@/app/_ui/facts";
import { Problem } from "@/app/_ui/problem";
import { Moment, useNow } from "@/app/_ui/time";
import type { Door, Doors, Probed } from "@/server/api/workers/doors";
import { PROBE_LAYERS, type ProbeLayer } from "@/server/domain/workers/probe";

const TITLES: Readonly<Record<ProbeLayer, string>> = {
  address: "The address",
  network: "A connection",
  tls: "TLS",
  protocol: "The protocol",
};
const nameOf = ({ protocol, port }: Door) =>
  `${protocol === "pb" ? "Perspective Broker" : "msgpack"}, port ${port}`;
const DAY_MS = 86_400_000;
const SOON_DAYS = 21;

/** Our doors: how they are configured, and whether this server itself gets in by them. */
export function DoorTest() {
  const org = useOrg();
  const trpc = useTRPC();
  const { data, error } = useQuery(trpc.workers.doors.queryOptions({ org: org.slug }));
  const probe = useMutation(trpc.workers.probe.mutationOptions());
  if (error) return <Problem error={error} />;
  if (!data) return <div className="skeleton h-40" aria-hidden="true" />;
  const isTls = data.certificate !== null;
  return (
    <div className="space-y-4">
      <Facts
        facts={[
          [
            "Workers connect to",
            <code key="host" className="num">
              {data.host}
            </code>,
          ],
          [
            "The doors listen on",
            <span key="bind">
              <code className="num">{data.bind}</code>
              {data.isThisHostOnly ? (
                <span className="text-amber"> which only this host reaches</span>
              ) : null}
            </span>,
          ],
          ...data.doors.map(
            (door) =>
              [
                door.protocol === "pb" ? "Perspective Broker" : "msgpack",
                `port ${door.port}`,
              ] as const,
          ),
          ["TLS", <Certificate key="tls" doors={data} />],
        ]}
      />
      {data.doors.length === 0 ? (
        <p className="text-amber">
          Both doors are switched off: SLIPWAY_PB_PORT and SLIPWAY_MSGPACK_PORT open them.
        </p>
      ) : (
        <>
          <div className="flex flex-wrap items-center gap-3">
            <Button
              look="primary"
              disabled={probe.isPending}
              onClick={() => probe.mutate({ org: org.slug })}
            >
              {probe.data ? "Try them again" : "Try the doors from this server"}
            </Button>
            <span className="text-xs text-muted">
              As a worker would, up to the login. Nobody is recorded for it.
            </span>
          </div>
          <Problem error={probe.error} />
          <div role="status" className="grid gap-x-8 gap-y-4 sm:grid-cols-2">
            {(probe.data ?? data.doors).map((door) => (
              <div key={door.protocol}>
                <p className="label mb-1">{nameOf(door)}</p>
                <Ladder
                  label={`Layers of the door for ${nameOf(door)}`}
                  rungs={rungs(probe.data ? (door as Probed) : null, isTls, probe.isPending)}
                />
              </div>
            ))}
          </div>
        </>
      )}
    </div>
  );
}

function rungs(probed: Probed | null, isTls: boolean, isPending: boolean): Rung[] {
  return PROBE_LAYERS.filter((layer) => isTls || layer !== "tls").map((layer) => {
    const step = isPending ? undefined : probed?.steps.find((one) => one.layer === layer);
    return {
      id: layer,
      title: TITLES[layer],
      state:
        step === undefined
          ? isPending
            ? "running"
            : "pending"
          : step.isPassed
            ? "success"
            : "failure",
      body: step ? (
        <div className="space-y-1">
          <p className={step.isPassed ? "text-muted" : ""}>{step.says}</p>
          {step.advice ? <p className="text-muted">{step.advice}</p> : null}
        </div>
      ) : null,
    };
  });
}

function Certificate(props: { doors: Doors }) {
  const { certificate, host, doors } = props.doors;
  const now = useNow(false);
  if (certificate === null) {
    const isSent = doors.some(({ protocol }) => protocol === "msgpack");
    return <>not spoken{isSent ? ": passwords of the msgpack door travel in the clear" : ""}</>;
  }
  if ("problem" in certificate) {
    return (
      <span className="text-amber">a certificate is configured, and {certificate.problem}</span>
    );
  }
  const { names, subject, issuer, validTo, fitsHost } = certificate.facts;
  const days = Math.floor((validTo - now) / DAY_MS);
  return (
    <span className="space-y-0.5">
      <span className="block">
        for <code className="num">{names.join(", ") || subject}</code>, signed by {issuer}
      </span>
      <span className={`block ${now !== 0 && days < SOON_DAYS ? "text-amber" : ""}`}>
        valid until <Moment at={validTo} />
        {now === 0 ? "" : days < 0 ? ": it has run out" : `, ${days} days`}
      </span>
      {fitsHost ? null : (
        <span className="block text-red">
          It is not for {host}: workers that check it turn away.
        </span>
      )}
    </span>
  );
}
