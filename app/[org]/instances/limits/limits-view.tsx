"use client";

import { useQuery } from "@tanstack/react-query";
import Link from "next/link";
import type { ReactNode } from "react";
import { useLive } from "@/app/_client/live";
import { routes } from "@/app/_client/navigation";
import { useTRPC } from "@/app/_client/trpc";
import { cost, hours } from "@/app/_features/machines";
import { useOrg } from "@/app/_shell/org";
import { PageHead, Section } from "@/app/_ui/page-head";
import type { Costs } from "@/server/api/instances/costs";
import { InstanceParts } from "../parts";
import { lastDays, type Period } from "./days";
import { LimitsForm } from "./limits-form";

const EVERY_MS = 5_000;
/** It moves slowly. */
const COSTS_EVERY_MS = 60_000;

/** What machines may use, and what they used: by day, worker and builder. */
export function LimitsView(props: { period: Period }) {
  const org = useOrg();
  const trpc = useTRPC();
  const rules = trpc.instances.limits.queryOptions({ org: org.slug });
  const { data: limits } = useQuery(rules);
  // A page that stays open goes on with the day.
  const period = limits ? lastDays(limits.dayEndsAt - 1) : props.period;
  const spent = trpc.instances.costs.queryOptions({ org: org.slug, ...period });
  const { data: costs } = useQuery({ ...spent, placeholderData: (before) => before });
  useLive(["instances"], [rules.queryKey], EVERY_MS);
  useLive(["instances"], [spent.queryKey], COSTS_EVERY_MS);
  if (!limits || !costs) return null;
  return (
    <>
      <PageHead title="Limits and cost" note="of machines made on demand" />
      <div className="px-4 py-3 sm:px-6">
        <InstanceParts />
        {limits.reached === null ? null : (
          <p className="mb-4 border-l-2 border-amber pl-3 first-letter:uppercase">
            {limits.reached}: no more machines are asked for.
          </p>
        )}
        <div className="grid gap-x-10 gap-y-7 xl:grid-cols-2">
          <div className="min-w-0">
            <Section title="Limits" note="of the whole organisation">
              <LimitsForm facts={limits} />
            </Section>
          </div>
          <div className="min-w-0">
            <Section title="The last 30 days" note="days of UTC">
              <Spent costs={costs} />
            </Section>
          </div>
        </div>
      </div>
    </>
  );
}

function Spent({ costs }: { costs: Costs }) {
  const org = useOrg();
  const { currency } = costs;
  if (costs.machines === 0) {
    return <p className="text-muted">No machine was made in these days, so nothing was used.</p>;
  }
  return (
    <>
      <p>
        {costs.machines === 1 ? "1 machine" : `${count(costs.machines)} machines`},{" "}
        {hours(costs.seconds)}, <strong>{cost(costs.cost, currency)}</strong>
        {costs.unused.machines > 0 ? (
          <span className="text-muted">
            ; {count(costs.unused.machines)} of them built nothing (
            {cost(costs.unused.cost, currency)})
          </span>
        ) : null}
        {costs.unpriced > 0 ? (
          <span className="text-muted">
            . Of {count(costs.unpriced)} the price is not known: price_per_hour of a worker says it
          </span>
        ) : null}
        .
      </p>
      <Days days={costs.days} currency={currency} />
      <Shares title="Builder" rows={costs.builders} currency={currency}>
        {(row) => (
          <Link
            className="hover:underline"
            href={routes.builder(org.slug, row.id)}
            prefetch={false}
          >
            {row.name}
          </Link>
        )}
      </Shares>
      <Shares title="Worker" rows={costs.workers} currency={currency}>
        {(row) =>
          row.id === 0 ? (
            "tests of settings"
          ) : (
            <Link
              className="hover:underline"
              href={routes.worker(org.slug, row.id)}
              prefetch={false}
            >
              {row.name}
            </Link>
          )
        }
      </Shares>
    </>
  );
}

const count = (machines: number) => machines.toLocaleString("en");

/** One bar a day, by hours of machines. */
function Days(props: { days: Costs["days"]; currency: string | null }) {
  const top = Math.max(1, ...props.days.map(({ seconds }) => seconds));
  return (
    <ol
      aria-label="By day"
      className="mt-3 mb-5 flex h-24 items-end gap-px border-b border-line-strong"
    >
      {props.days.map(({ day, seconds, machines, cost: spent }) => {
        const says = `${day}: ${machines} machines, ${hours(seconds)}, ${cost(spent, props.currency)}`;
        return (
          <li key={day} className="flex h-full min-w-0 flex-1 items-end" title={says}>
            <span className="sr-only">{says}</span>
            <span
              aria-hidden="true"
              className="w-full bg-[var(--blue-fill)]"
              style={{ height: seconds === 0 ? 0 : `${Math.max(2, (seconds / top) * 100)}%` }}
            />
          </li>
        );
      })}
    </ol>
  );
}

interface Share {
  readonly id: number;
  readonly name: string;
  readonly machines: number;
  readonly seconds: number;
  readonly cost: number;
}

function Shares<R extends Share>(props: {
  title: string;
  rows: readonly R[];
  currency: string | null;
  children: (row: R) => ReactNode;
}) {
  if (props.rows.length === 0) return null;
  return (
    <table className="rows mb-5">
      <thead>
        <tr>
          <th>{props.title}</th>
          <th className="text-right">Machines</th>
          <th className="text-right">Time</th>
          <th className="text-right">Cost</th>
        </tr>
      </thead>
      <tbody>
        {props.rows.map((row) => (
          <tr key={row.id}>
            <th scope="row">{props.children(row)}</th>
            <td className="num text-right">{count(row.machines)}</td>
            <td className="num text-right whitespace-nowrap">{hours(row.seconds)}</td>
            <td className="num text-right whitespace-nowrap">{cost(row.cost, props.currency)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
