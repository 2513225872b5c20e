"use client";

import { useMutation, useQueryClient } from "@tanstack/react-query";
import Link from "next/link";
import { routes } from "@/app/_client/navigation";
import { useTRPC } from "@/app/_client/trpc";
import { Status } from "@/app/_features/status";
import { useOrg } from "@/app/_shell/org";
import { Button, buttonClass } from "@/app/_ui/button";
import { Problem } from "@/app/_ui/problem";
import type { WelcomeStatus } from "@/server/api/welcome/status";

export function Worker({ status }: { status: WelcomeStatus }) {
  const org = useOrg();
  const trpc = useTRPC();
  const queries = useQueryClient();
  const lend = useMutation(
    trpc.workers.addLocal.mutationOptions({ onSettled: () => queries.invalidateQueries() }),
  );
  const { workers, offersLocal } = status;
  return (
    <div className="space-y-3">
      {workers.length === 0 ? (
        <p className="text-muted">
          A worker is a machine that runs the steps of builds. The password that it logs in with is
          made here.
        </p>
      ) : (
        <ul className="flex flex-wrap gap-x-5 gap-y-1">
          {workers.map((worker) => (
            <li key={worker.id}>
              <Link
                className="inline-flex min-h-6 items-center hover:underline"
                href={
                  worker.isConnected || worker.kind === "LocalWorker"
                    ? routes.worker(org.slug, worker.id)
                    : `${routes.addWorker(org.slug)}?worker=${worker.id}`
                }
              >
                {worker.isConnected ? (
                  <Status state="idle" word={`${worker.name} is connected`} />
                ) : worker.kind === "LocalWorker" ? (
                  <Status state="waiting" word={`${worker.name} is being started`} />
                ) : (
                  <Status state="offline" word={`${worker.name}: see how it stands`} />
                )}
              </Link>
            </li>
          ))}
        </ul>
      )}
      {workers.some(({ isConnected }) => isConnected) ? null : (
        <div className="flex flex-wrap items-center gap-2">
          {offersLocal ? (
            <Button
              look="primary"
              disabled={lend.isPending}
              onClick={() => lend.mutate({ org: org.slug })}
            >
              Use this host
            </Button>
          ) : null}
          <Link
            className={buttonClass(offersLocal ? "plain" : "primary")}
            href={routes.addWorker(org.slug)}
          >
            Add a machine of yours
          </Link>
        </div>
      )}
      {offersLocal && workers.length === 0 ? (
        <p className="text-xs text-muted">
          “This host” is the one that Slipway runs on: good for a first try. What is built there has
          the rights of an account on it.
        </p>
      ) : null}
      <Problem error={lend.error} />
    </div>
  );
}
