"use client";

import { useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { useLive } from "../_client/live";
import { useTRPC } from "../_client/trpc";
import { useOrg } from "../_shell/org";

/** The gauges: what runs, what waits, who is there. */
export function Now() {
  const org = useOrg();
  const trpc = useTRPC();
  const query = trpc.organizations.pulse.queryOptions({ org: org.slug });
  const { data } = useQuery(query);
  useLive(["builds", "requests", "workers", "config"], [query.queryKey]);
  if (!data) return null;
  return (
    <ul className="flex divide-x divide-line">
      <Gauge label="running" value={data.running} href={`/${org.slug}/builds`} />
      <Gauge label="pending" value={data.pending} href={`/${org.slug}/requests`} />
      <Gauge
        label="workers"
        value={`${data.connected}/${data.workers}`}
        href={`/${org.slug}/workers`}
        isWorrying={data.workers > data.dormant && data.connected === 0}
      />
    </ul>
  );
}

function Gauge(props: {
  label: string;
  value: number | string;
  href: string;
  isWorrying?: boolean;
}) {
  return (
    <li className="px-3 first:pl-0 last:pr-0">
      <Link href={props.href} className="flex items-baseline gap-1.5 hover:text-accent">
        <span className={`num text-base font-semibold ${props.isWorrying ? "text-amber" : ""}`}>
          {props.value}
        </span>
        <span className="label">{props.label}</span>
      </Link>
    </li>
  );
}
