"use client";

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import Link from "next/link";
import { useState } from "react";
import { useLive } from "@/app/_client/live";
import { routes } from "@/app/_client/navigation";
import { useTRPC } from "@/app/_client/trpc";
import { useIsAtLeast, useOrg } from "@/app/_shell/org";
import { Button } from "@/app/_ui/button";
import { ConfirmDialog } from "@/app/_ui/confirm-dialog";
import { Empty } from "@/app/_ui/empty";
import { Section } from "@/app/_ui/page-head";
import { Ago } from "@/app/_ui/time";
import type { JoinToken } from "@/server/api/pools/join-tokens";
import type { PoolSummary } from "@/server/api/pools/row";
import { NewJoinToken } from "./new-join-token";

/** By which machines of others join the pool: made, shown once, counted and revoked here. */
export function JoinTokens({ pool }: { pool: PoolSummary }) {
  return useIsAtLeast("maintainer") ? <Tokens pool={pool} /> : null;
}

function Tokens({ pool }: { pool: PoolSummary }) {
  const org = useOrg();
  const trpc = useTRPC();
  const queries = useQueryClient();
  const [revoking, setRevoking] = useState<JoinToken | null>(null);
  const query = trpc.pools.joinTokens.queryOptions({ org: org.slug, poolId: pool.id });
  const { data } = useQuery(query);
  useLive([`pool:${pool.id}`, "workers"], [query.queryKey], 500);
  const again = () => queries.invalidateQueries({ queryKey: query.queryKey });
  const revoke = useMutation(
    trpc.pools.revokeJoinToken.mutationOptions({
      onSuccess: () => setRevoking(null),
      onSettled: again,
    }),
  );
  if (!data) return null;
  return (
    <Section title="Join tokens" note="by which machines get a place here">
      {data.tokens.length === 0 ? (
        <Empty title="No token yet">
          Machines that something else makes join this pool with a token: each gets a name and a
          password of its own. Make one, and the lines for a shell, systemd, Compose and Kubernetes
          are shown with it.
        </Empty>
      ) : (
        <ul className="mb-4">
          {data.tokens.map((token) => (
            <TokenRow key={token.id} token={token} onRevoke={() => setRevoking(token)} />
          ))}
        </ul>
      )}
      {data.others > 0 ? (
        <p className="mb-4 text-xs text-muted">
          {data.others === 1 ? "An API token" : `${data.others} API tokens`} of the organisation may
          let machines join, too.
        </p>
      ) : null}
      <NewJoinToken pool={pool} doors={data.doors} onMade={again} />
      {revoking ? (
        <ConfirmDialog
          title={`Revoke ${revoking.name}`}
          action="Revoke the token"
          isBusy={revoke.isPending}
          error={revoke.error}
          onClose={() => setRevoking(null)}
          onConfirm={() => revoke.mutate({ org: org.slug, poolId: pool.id, tokenId: revoking.id })}
        >
          No more machines join by it. Those that have joined stay, and come back with their own
          passwords. This cannot be undone.
        </ConfirmDialog>
      ) : null}
    </Section>
  );
}

function TokenRow({ token, onRevoke }: { token: JoinToken; onRevoke: () => void }) {
  const org = useOrg();
  const { maxUses, uses } = token;
  const isOver = endOf(token) !== null;
  return (
    <li className={`border-b border-line py-2 ${isOver ? "text-muted" : ""}`}>
      <div className="flex flex-wrap items-baseline gap-x-3 gap-y-1">
        <span className="font-semibold break-all">{token.name}</span>
        <code className="num text-muted">{token.prefix}…</code>
        <span className="ml-auto">{endOf(token)}</span>
        {token.revokedAt === null ? (
          <Button small look="quiet" onClick={onRevoke}>
            Revoke<span className="sr-only"> {token.name}</span>
          </Button>
        ) : null}
      </div>
      <p className="text-muted">
        used {uses} {uses === 1 ? "time" : "times"}
        {maxUses === null ? "" : ` of ${maxUses}`}
        {token.lastUsedAt === null ? null : (
          <>
            , last <Ago at={token.lastUsedAt} />
          </>
        )}
        ; made <Ago at={token.createdAt} /> by {token.createdBy}
        {token.expiresAt === null ? "; never expires" : null}
        {token.expiresAt !== null && !token.isExpired ? (
          <>
            ; expires <Ago at={token.expiresAt} />
          </>
        ) : null}
      </p>
      {token.workers.length > 0 ? (
        <p>
          <span className="text-muted">Joined by it: </span>
          {token.workers.map((worker, index) => (
            <span key={worker.workerId}>
              {index > 0 ? ", " : ""}
              <Link
                className="hover:underline"
                href={routes.worker(org.slug, worker.workerId)}
                prefetch={false}
              >
                {worker.name}
              </Link>
              <span className="text-muted">
                {worker.from ? ` from ${worker.from}` : ""}
                {worker.isConnected ? "" : " (not connected)"}
              </span>
            </span>
          ))}
        </p>
      ) : null}
    </li>
  );
}

/** Why nobody joins by it any more; null: machines do. */
function endOf({ revokedAt, isExpired, maxUses, uses }: JoinToken) {
  if (revokedAt !== null) {
    return (
      <>
        revoked <Ago at={revokedAt} />
      </>
    );
  }
  if (isExpired) return "expired";
  return maxUses !== null && uses >= maxUses ? "used up" : null;
}
