"use client";

import { useTRPCClient } from "@/app/_client/trpc";
import { useIsAtLeast, useOrg } from "@/app/_shell/org";
import { Ago } from "@/app/_ui/time";
import type { InstancePage } from "@/server/api/instances/one";
import { StopButton } from "../stop-button";

/** Lets the machine go at once. A stop that was asked for already is said, with its name. */
export function StopMachine({ instance }: { instance: InstancePage }) {
  const org = useOrg();
  const client = useTRPCClient();
  const may = useIsAtLeast("maintainer");
  const isGone = instance.state === "gone";
  const isAgain = instance.state === "stopping" && instance.stopTries > 0;
  // Asking again would change nothing, unless the provider has refused it.
  const isUnderWay =
    (instance.stopRequestedAt !== null || instance.state === "stopping") && !isAgain;
  return (
    <>
      {!isGone && instance.stopRequestedBy ? (
        <span className="min-w-0 break-words text-muted">
          stop asked for by {instance.stopRequestedBy} <Ago at={instance.stopRequestedAt} />
          {instance.stopReason && instance.stopReason !== "no reason"
            ? `: ${instance.stopReason}`
            : ""}
        </span>
      ) : null}
      {may ? (
        <StopButton
          label={isAgain ? "Try to stop it again" : "Stop it"}
          title={`Stop machine ${instance.generation} of ${instance.worker}`}
          action={isAgain ? "Try again" : "Stop it"}
          over={
            isGone
              ? "It is gone already: there is nothing left to stop."
              : isUnderWay
                ? "It is being stopped already."
                : null
          }
          stop={(reason) =>
            client.instances.stop.mutate({ org: org.slug, instanceId: instance.id, reason })
          }
        >
          {consequence(instance)}
        </StopButton>
      ) : null}
    </>
  );
}

/** What becomes of its builds: those that have it, and those that wait for it. */
function consequence({ builds, runningBuilds, state }: InstancePage): string {
  if (runningBuilds > 0) {
    return runningBuilds === 1
      ? "A build runs on it: it ends as retry and is built again from its beginning."
      : `${runningBuilds} builds run on it: they end as retry and are built again from their beginning.`;
  }
  const waiting = builds.filter((build) => build.state !== "finished").length;
  if (waiting > 0 && state !== "stopping") {
    return waiting === 1
      ? "A build waits for it: it goes back to the queue, and may have another machine made."
      : `${waiting} builds wait for it: they go back to the queue, and may have another machine made.`;
  }
  return "No build has it. The provider is told to take it away at once.";
}
