"use client";

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTRPC } from "@/app/_client/trpc";
import { useIsAtLeast, useOrg } from "@/app/_shell/org";
import { Button } from "@/app/_ui/button";
import { ReasonDialog } from "@/app/_ui/reason-dialog";
import type { InstancePage } from "@/server/api/instances/one";

/** Lets the machine go at once. Asks for a reason; a stop that was asked for already is said. */
export function StopMachine({ instance }: { instance: InstancePage }) {
  const org = useOrg();
  const trpc = useTRPC();
  const queries = useQueryClient();
  const may = useIsAtLeast("maintainer");
  const [isAsking, ask] = useState(false);
  const stop = useMutation(
    trpc.instances.stop.mutationOptions({
      onSuccess: () => ask(false),
      onSettled: () => queries.invalidateQueries({ queryKey: trpc.instances.pathKey() }),
    }),
  );
  if (instance.state === "gone" || !may) return null;
  const isAgain = instance.state === "stopping";
  const running = instance.runningBuilds;
  return (
    <>
      {instance.stopRequestedBy ? (
        <span className="text-muted">
          stop asked for by {instance.stopRequestedBy}
          {instance.stopReason ? `: ${instance.stopReason}` : ""}
        </span>
      ) : null}
      <Button look="danger" onClick={() => ask(true)}>
        {isAgain ? "Try to stop it again" : "Stop it"}
      </Button>
      {isAsking ? (
        <ReasonDialog
          title={`Stop machine ${instance.generation} of ${instance.worker}`}
          action={isAgain ? "Try again" : "Stop it"}
          keep="Leave it"
          isDangerous
          isBusy={stop.isPending}
          error={stop.error}
          onClose={() => {
            stop.reset();
            ask(false);
          }}
          onSubmit={(reason) => stop.mutate({ org: org.slug, instanceId: instance.id, reason })}
        >
          {running === 0
            ? "No build has it. The provider is told to take it away at once."
            : `${running === 1 ? "A build runs" : `${running} builds run`} on it: ${running === 1 ? "it ends" : "they end"} as retry and ${running === 1 ? "is" : "are"} built again.`}
        </ReasonDialog>
      ) : null}
    </>
  );
}
