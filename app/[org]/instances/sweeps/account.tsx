"use client";

import Link from "next/link";
import type { ReactNode } from "react";
import { routes } from "@/app/_client/navigation";
import { Status } from "@/app/_features/status";
import { useOrg } from "@/app/_shell/org";
import { Ago, Countdown } from "@/app/_ui/time";
import type { AccountRow } from "@/server/api/instances/accounts";
import { Orphan } from "./orphan";

interface Line {
  readonly key: string;
  readonly instanceId: number | null;
  readonly state: string | null;
  readonly worker: string | null;
  readonly isListed: boolean;
  readonly madeAt: number | null;
}

/** One account: how it answers, and its list beside ours. */
export function Account({ account }: { account: AccountRow }) {
  const lines = besides(account);
  const orphans = account.sightings.filter(({ kind }) => kind === "orphan");
  return (
    <section className="mb-7" aria-labelledby={`account-${account.id}`}>
      <div className="mb-1 flex flex-wrap items-baseline gap-x-3 gap-y-1">
        <h2 id={`account-${account.id}`} className="min-w-0 font-semibold break-all">
          {account.title}
        </h2>
        <span className="text-muted">
          {account.isRemoved ? "no worker uses it any more; " : ""}
          {account.sweptAt === null ? "not swept yet" : "swept "}
          {account.sweptAt === null ? null : <Ago at={account.sweptAt} />}
          {account.nextAt === null ? (
            "; nothing was left there, so it is not swept any more"
          ) : (
            <>
              , next <Countdown to={account.nextAt} />
            </>
          )}
        </span>
      </div>
      {account.error === null ? null : (
        <p className="mb-2 border-l-2 border-red pl-3">
          It does not answer{account.errorSince === null ? "" : " since "}
          {account.errorSince === null ? null : <Ago at={account.errorSince} />}:{" "}
          <span className="num break-words">{account.error}</span>
        </p>
      )}
      {orphans.map((sighting) => (
        <Orphan key={sighting.id} sighting={sighting} />
      ))}
      {lines.length === 0 ? (
        <p className="text-muted">
          No machine of ours is there{account.listedAt === null ? " as far as we know" : ""}.
        </p>
      ) : (
        <table className="rows">
          <thead className="max-md:sr-only">
            <tr>
              <th>Machine</th>
              <th>The provider's list</th>
              <th>Ours</th>
            </tr>
          </thead>
          <tbody>
            {lines.map((line) => (
              <Beside key={line.key} line={line} isAnswered={account.listedAt !== null} />
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

/** All keys of both lists. */
function besides({ listed, ours }: AccountRow): Line[] {
  const lines = new Map<string, Line>();
  for (const { key, instanceId, state, worker, madeAt } of listed) {
    lines.set(key, { key, instanceId, state, worker, madeAt, isListed: true });
  }
  for (const { key, instanceId, state, worker, isListed } of ours) {
    if (!lines.has(key)) lines.set(key, { key, instanceId, state, worker, madeAt: null, isListed });
  }
  return [...lines.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
}

function Beside({ line, isAnswered }: { line: Line; isAnswered: boolean }) {
  const org = useOrg();
  const name: ReactNode = <span className="num break-all">{line.key}</span>;
  return (
    <tr className="max-md:grid max-md:border-b max-md:border-line max-md:py-2 max-md:*:h-auto max-md:*:border-0 max-md:*:p-0">
      <th scope="row">
        {line.instanceId === null ? (
          name
        ) : (
          <Link
            href={routes.instance(org.slug, line.instanceId)}
            prefetch={false}
            className="hover:underline"
          >
            {name}
          </Link>
        )}
      </th>
      <td>
        {line.isListed ? (
          <span>
            there
            {line.madeAt === null ? null : (
              <span className="text-muted">
                , made <Ago at={line.madeAt} />
              </span>
            )}
          </span>
        ) : (
          <span className={isAnswered ? "text-amber" : "text-muted"}>
            {isAnswered ? "not there" : "not known"}
          </span>
        )}
      </td>
      <td>
        {line.state === null ? (
          <Status state="warnings" word="belongs to nobody" title="No row of ours has this name." />
        ) : (
          <span>
            {line.state === "gone" && line.isListed ? "gone meanwhile" : line.state}
            <span className="text-muted">, of {line.worker ?? "a test of settings"}</span>
          </span>
        )}
      </td>
    </tr>
  );
}
