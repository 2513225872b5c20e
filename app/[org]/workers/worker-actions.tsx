"use client";

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTRPC } from "@/app/_client/trpc";
import { useIsAtLeast, useOrg } from "@/app/_shell/org";
import { Button } from "@/app/_ui/button";
import { ReasonDialog } from "@/app/_ui/reason-dialog";
import type { WorkerRow } from "@/server/api/workers/row";

const EVERY = ["pause", "unpause", "drain", "kill"] as const;
/** `release` is what unpausing does for a worker that is not paused. */
type Action = (typeof EVERY)[number] | "release";

interface Text {
  readonly button: string;
  readonly title: string;
  readonly says: string;
  /** Of so many workers, when it is done. */
  readonly done: string;
}

const TEXTS: Readonly<Record<Action, Text>> = {
  pause: {
    button: "Pause",
    title: "Pause",
    says: "It takes no new build. Builds that run go on.",
    done: "paused",
  },
  unpause: {
    button: "Unpause",
    title: "Unpause",
    says: "It may take builds again. A quarantine ends at once too.",
    done: "unpaused",
  },
  release: {
    button: "End the quarantine",
    title: "End the quarantine",
    says: "It may take builds again at once. If the next one breaks too, it rests as long as it would have.",
    done: "out of quarantine",
  },
  drain: {
    button: "Shut down gracefully",
    title: "Shut down",
    says: "It takes no new build, finishes those that run, and is then told to exit.",
    done: "told to exit when their builds are over",
  },
  kill: {
    button: "Shut down now",
    title: "Shut down now",
    says: "It is told to exit at once. Its builds end as retry and run again elsewhere.",
    done: "told to exit at once",
  },
};

/** What makes sense for one worker as it stands. */
export function actionsFor(worker: WorkerRow): Action[] {
  const possible: Action[] = [];
  if (worker.isRemoved) return possible;
  if (!worker.isPaused) possible.push("pause");
  if (worker.isPaused) possible.push("unpause");
  else if (worker.quarantinedUntil !== null) possible.push("release");
  if (worker.isConnected && !worker.isDraining) possible.push("drain");
  if (worker.isConnected) possible.push("kill");
  return possible;
}

/** What a person may do to workers; each asks for a reason. */
export function WorkerActions(props: {
  workers: readonly { id: number; name: string }[];
  /** Absent: all; whom one does not concern is told of afterwards. */
  possible?: readonly Action[];
  /** Told what became of it, in a sentence. */
  onDone?: (outcome: string) => void;
}) {
  const { workers, possible = EVERY } = props;
  const org = useOrg();
  const trpc = useTRPC();
  const queries = useQueryClient();
  const may = useIsAtLeast("maintainer");
  const [asked, ask] = useState<Action | null>(null);
  const act = useMutation(
    trpc.workers.controlMany.mutationOptions({
      onSettled: () => queries.invalidateQueries({ queryKey: trpc.workers.pathKey() }),
    }),
  );
  if (!may) return null;
  const names =
    workers.length === 1
      ? (workers[0]?.name ?? "")
      : `${workers.length.toLocaleString("en")} workers`;
  const run = (action: Action, reason: string) =>
    act.mutate(
      {
        org: org.slug,
        workerIds: workers.map((worker) => worker.id),
        action: action === "release" ? "unpause" : action,
        reason,
      },
      {
        onSuccess: ({ changed, unknown }) => {
          ask(null);
          const gone = new Set<number>(unknown);
          const left = workers.filter(({ id }) => gone.has(id)).map(({ name }) => name);
          props.onDone?.(outcomeOf(action, changed.length, left));
        },
      },
    );
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
          onSubmit={(reason) => run(asked, reason)}
        >
          {TEXTS[asked].says}
        </ReasonDialog>
      ) : null}
    </>
  );
}

const NAMED = 5;

function outcomeOf(action: Action, changed: number, left: readonly string[]): string {
  const done = `${changed.toLocaleString("en")} ${TEXTS[action].done}.`;
  if (left.length === 0) return done;
  const names = left.slice(0, NAMED).join(", ");
  const more = left.length > NAMED ? ` and ${left.length - NAMED} more` : "";
  return `${done} Left alone, because not in the configuration any more: ${names}${more}.`;
}
