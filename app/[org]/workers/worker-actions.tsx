"use client";

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTRPC } from "@/app/_client/trpc";
import { useIsAtLeast, useOrg } from "@/app/_shell/org";
import { Button } from "@/app/_ui/button";
import { ReasonDialog } from "@/app/_ui/reason-dialog";
import type { WorkerRow } from "@/server/api/workers/row";

const ACTIONS = ["pause", "unpause", "drain", "kill"] as const;
type Action = (typeof ACTIONS)[number];

const TEXTS: Readonly<Record<Action, { button: string; title: string; says: string }>> = {
  pause: {
    button: "Pause",
    title: "Pause",
    says: "It takes no new build. Builds that run go on.",
  },
  unpause: {
    button: "Unpause",
    title: "Unpause",
    says: "It may take builds again. A quarantine ends at once too.",
  },
  drain: {
    button: "Shut down gracefully",
    title: "Shut down",
    says: "It takes no new build, finishes those that run, and is then told to exit.",
  },
  kill: {
    button: "Shut down now",
    title: "Shut down now",
    says: "It is told to exit at once. Its builds end as retry and run again elsewhere.",
  },
};

/** What makes sense for one worker as it stands. */
export function actionsFor(worker: WorkerRow): Action[] {
  const possible: Action[] = [];
  if (worker.isRemoved) return possible;
  if (!worker.isPaused) possible.push("pause");
  if (worker.isPaused || worker.shown.word === "quarantined") possible.push("unpause");
  if (worker.isConnected && !worker.isDraining) possible.push("drain");
  if (worker.isConnected) possible.push("kill");
  return possible;
}

/** What a person may do to workers; each asks for a reason. */
export function WorkerActions(props: {
  workers: readonly { id: number; name: string }[];
  /** Absent: all; whom one does not concern is told of afterwards. */
  possible?: readonly Action[];
  onDone?: () => void;
}) {
  const { workers, possible = ACTIONS } = props;
  const org = useOrg();
  const trpc = useTRPC();
  const queries = useQueryClient();
  const may = useIsAtLeast("maintainer");
  const [asked, ask] = useState<Action | null>(null);
  const act = useMutation(
    trpc.workers.act.mutationOptions({
      onSuccess: () => {
        ask(null);
        props.onDone?.();
      },
      onSettled: () => queries.invalidateQueries({ queryKey: trpc.workers.pathKey() }),
    }),
  );
  if (!may) return null;
  const names = workers.length === 1 ? (workers[0]?.name ?? "") : `${workers.length} workers`;
  return (
    <>
      {possible.map((action) => (
        <Button
          key={action}
          look={action === "kill" ? "danger" : "plain"}
          onClick={() => {
            act.reset();
            ask(action);
          }}
        >
          {TEXTS[action].button}
        </Button>
      ))}
      {asked ? (
        <ReasonDialog
          title={`${TEXTS[asked].title}: ${names}`}
          action={TEXTS[asked].button}
          isDangerous={asked === "kill"}
          error={act.error}
          isBusy={act.isPending}
          onClose={() => ask(null)}
          onSubmit={(reason) =>
            act.mutate({
              org: org.slug,
              workerIds: workers.map((worker) => worker.id),
              action: asked,
              reason,
            })
          }
        >
          {TEXTS[asked].says}
        </ReasonDialog>
      ) : null}
    </>
  );
}
