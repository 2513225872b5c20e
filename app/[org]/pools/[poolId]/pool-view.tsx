"use client";

import { useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { useLive } from "@/app/_client/live";
import { routes } from "@/app/_client/navigation";
import { useTRPC } from "@/app/_client/trpc";
import { StatusPlate } from "@/app/_features/status";
import { useIsAtLeast, useOrg } from "@/app/_shell/org";
import { Facts } from "@/app/_ui/facts";
import { PageHead, Section } from "@/app/_ui/page-head";
import { Ago } from "@/app/_ui/time";
import { Timed } from "@/app/_ui/timed";
import type { PoolPage } from "@/server/api/pools/one";
import type { PoolSummary } from "@/server/api/pools/row";
import { PoolHold } from "../pool-hold";
import { stateOf } from "../pool-state";
import { JoinTokens } from "./join-tokens";
import { PoolGraph } from "./pool-graph";
import { PoolPlaces } from "./pool-places";
import { SteerPool } from "./steer-pool";

const GRAPH_EVERY_MS = 5_000;

/** One pool: what it wants and has over a day, why it is not larger, and its workers. */
export function PoolView(props: { poolId: number }) {
  const { poolId } = props;
  const org = useOrg();
  const trpc = useTRPC();
  const query = trpc.pools.one.queryOptions({ org: org.slug, poolId });
  const drawn = trpc.pools.graph.queryOptions({ org: org.slug, poolId });
  const { data } = useQuery(query);
  const mayConfigure = useIsAtLeast("maintainer");
  const { data: graph } = useQuery(drawn);
  useLive([`pool:${poolId}`, "pools", "workers", "builds", "config"], [query.queryKey], 500);
  useLive([`pool:${poolId}`, "pools", "builds"], [drawn.queryKey], GRAPH_EVERY_MS);
  if (!data) return null;
  const { pool } = data;
  const [state, word] = stateOf(pool);
  return (
    <>
      <PageHead title={`Pool ${pool.name}`} note={<StatusPlate state={state} word={word} />}>
        <SteerPool pool={pool} />
      </PageHead>
      <div className="px-4 py-4 sm:px-6">
        <PoolHold pool={pool} />
        <Numbers pool={pool} />
        <Section title="The last 24 hours" note="what waited, what was wanted, what was there">
          {graph ? (
            <PoolGraph
              points={graph.points}
              stepSeconds={graph.seconds}
              most={pool.options.maxWorkers}
            />
          ) : (
            <div className="skeleton h-48" aria-hidden="true" />
          )}
        </Section>
        <div className="mt-7 grid gap-x-10 gap-y-7 xl:grid-cols-2">
          <div className="min-w-0">
            <Section title="Why it is not larger">
              <WhyNotLarger pool={pool} />
            </Section>
            <Section title="Its workers" note="by their numbers">
              <PoolPlaces page={data} />
            </Section>
            {pool.isJoined ? <JoinTokens pool={pool} /> : null}
          </div>
          <div className="min-w-0">
            <Section title="Builders that may use it">
              <Builders page={data} />
            </Section>
            <Section title="Settings" note="in the organisation's document">
              <PoolFacts pool={pool} />
              {mayConfigure ? (
                <p className="mt-3">
                  <Link
                    className="link"
                    href={routes.poolSettings(org.slug, pool.id)}
                    prefetch={false}
                  >
                    Change them
                  </Link>
                </p>
              ) : null}
            </Section>
          </div>
        </div>
      </div>
    </>
  );
}

function Numbers({ pool }: { pool: PoolSummary }) {
  const { counts, queue, desired, options } = pool;
  const numbers = [
    ["waiting", queue],
    ["desired", desired],
    ["starting", counts.starting],
    ["idle", counts.idle],
    ["busy", counts.busy],
    ["stopping", counts.stopping],
    ["at most", options.maxWorkers],
  ] as const;
  return (
    <dl className="mb-6 flex flex-wrap gap-x-8 gap-y-2">
      {numbers.map(([name, count]) => (
        <div key={name} className="flex flex-col-reverse">
          <dt className="label">{name}</dt>
          <dd className="num text-xl font-semibold">{count}</dd>
        </div>
      ))}
    </dl>
  );
}

function WhyNotLarger({ pool }: { pool: PoolSummary }) {
  if (pool.limits.length === 0) {
    return <p className="text-muted">It is as large as it wants to be.</p>;
  }
  return (
    <ol className="space-y-1">
      {pool.limits.map((limit) => (
        <li key={limit.code}>
          It <Timed text={limit.sentence} until={limit.until} />
          <span className="text-muted">
            {" · "}
            {limit.room === 0
              ? "no more machine"
              : limit.room === 1
                ? "one more"
                : `${limit.room} more`}
          </span>
        </li>
      ))}
    </ol>
  );
}

function Builders({ page }: { page: PoolPage }) {
  const org = useOrg();
  if (page.builders.length === 0) {
    return (
      <p className="mb-4 text-muted">
        None, so nothing can want it: name it in a builder, under <code className="num">pools</code>
        .
      </p>
    );
  }
  return (
    <ul className="mb-5">
      {page.builders.map(({ id, name, waiting }) => (
        <li key={id} className="flex items-baseline gap-3 border-b border-line py-1.5">
          <Link className="font-medium hover:underline" href={routes.builder(org.slug, id)}>
            {name}
          </Link>
          <span className="ml-auto text-muted">
            {waiting === 0 ? "nothing waits" : waiting === 1 ? "1 waits" : `${waiting} wait`}
          </span>
        </li>
      ))}
    </ul>
  );
}

const weights = ({ weights: given }: PoolSummary) => {
  if (given === null) return null;
  const named = Object.entries(given).map(([project, weight]) => `${project}: ${weight}`);
  return [...named, "others: 1"].join(", ");
};

function PoolFacts({ pool }: { pool: PoolSummary }) {
  const { options } = pool;
  const seconds = (value: number | null) => (value === null ? null : `${value} s`);
  return (
    <Facts
      facts={[
        [
          "Its workers are",
          <code key="kind" className="num">
            {pool.kind}
          </code>,
        ],
        ["Labels", pool.labels.join(", ")],
        ["minIdle", String(options.minIdle)],
        ["maxWorkers", String(options.maxWorkers)],
        ["maxBuildsPerWorker", String(options.maxBuildsPerWorker)],
        ["idleTimeout", seconds(options.idleTimeout)],
        ["maxLifetime", seconds(options.maxLifetime)],
        [
          "maxBuildsPerInstance",
          options.maxBuildsPerInstance === null ? null : String(options.maxBuildsPerInstance),
        ],
        ["scaleUpRate", options.scaleUpRate === null ? null : `${options.scaleUpRate} a minute`],
        [
          "budget",
          options.budget === null
            ? null
            : `${options.budget.hours} h a ${options.budget.per} (UTC)`,
        ],
        ["weights", weights(pool)],
        ["Looked at", pool.lookedAt === null ? null : <Ago key="at" at={pool.lookedAt} />],
      ]}
    />
  );
}
