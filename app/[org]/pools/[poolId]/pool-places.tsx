"use client";

import Link from "next/link";
import { routes } from "@/app/_client/navigation";
import { type StateName, Status } from "@/app/_features/status";
import { useOrg } from "@/app/_shell/org";
import { Countdown } from "@/app/_ui/time";
import type { PoolPage } from "@/server/api/pools/one";
import type { PoolWorker } from "@/server/api/pools/row";

/** Each place of the pool, whichever machine has it. */
export function PoolPlaces({ page }: { page: PoolPage }) {
  const org = useOrg();
  if (page.workers.length === 0) {
    return (
      <p className="text-muted">
        {page.pool.isJoined
          ? "No machine has joined it yet."
          : "None yet: the first is made when a build wants it."}
      </p>
    );
  }
  return (
    <table className="rows">
      <thead className="sr-only">
        <tr>
          <th>Worker</th>
          <th>State</th>
          <th>Builds</th>
        </tr>
      </thead>
      <tbody>
        {page.workers.map((worker) => (
          <tr key={worker.workerId}>
            <th scope="row">
              <Link
                className="hover:underline"
                href={routes.worker(org.slug, worker.workerId)}
                prefetch={false}
              >
                {worker.name}
              </Link>
            </th>
            <td>
              <Place worker={worker} />
            </td>
            <td className="num text-right">{worker.builds === 0 ? "" : worker.builds}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Place({ worker }: { worker: PoolWorker }) {
  const [state, word] = placeState(worker);
  return (
    <span>
      <Status state={state} word={word} />
      {worker.quarantinedUntil !== null && state === "quarantined" ? (
        <span className="ml-2 text-muted">
          back <Countdown to={worker.quarantinedUntil} />
          {worker.quarantineReason ? `: ${worker.quarantineReason}` : ""}
        </span>
      ) : null}
      {worker.goesBecause !== null ? (
        <span className="ml-2 text-muted">
          {worker.builds > 0 ? "it goes when its builds are over: " : "it goes: "}
          {worker.goesBecause}
        </span>
      ) : null}
      {worker.isWorn && !worker.isGoing ? (
        <span className="ml-2 text-muted">its machine has done its part</span>
      ) : null}
    </span>
  );
}

function placeState(worker: PoolWorker): [StateName, string | undefined] {
  if (worker.isPaused) return ["paused", undefined];
  if (worker.isGoing && worker.isConnected) return ["draining", undefined];
  if (worker.quarantinedUntil !== null && worker.state === "insubstantiated") {
    return ["quarantined", undefined];
  }
  switch (worker.state) {
    case "substantiating":
    case "starting":
      return ["starting", undefined];
    case "resubstantiating":
      return ["starting", "changing machines"];
    case "insubstantiating":
      return ["stopping", undefined];
    case "insubstantiated":
      return ["dormant", undefined];
    case "shut-down":
      return ["offline", "shut down"];
    case "substantiated":
      if (!worker.isConnected) return ["offline", "connection lost"];
      return worker.builds > 0 ? ["building", undefined] : ["idle", undefined];
    default:
      if (!worker.isConnected)
        return worker.isJoined ? ["starting", "awaited"] : ["offline", "free"];
      return worker.builds > 0 ? ["building", undefined] : ["idle", undefined];
  }
}
