"use client";

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useRouter } from "next/navigation";
import { useState } from "react";
import { useCommands } from "@/app/_client/commands";
import { routes } from "@/app/_client/navigation";
import { useTRPC } from "@/app/_client/trpc";
import { useIsAtLeast, useOrg } from "@/app/_shell/org";
import { Button } from "@/app/_ui/button";
import { ICONS, Icon } from "@/app/_ui/icon";
import { ReasonDialog } from "@/app/_ui/reason-dialog";
import type { BuildPage } from "@/server/api/builds/one";

/** Stop asks for a reason; rebuild goes to where the new build can be watched. */
export function Controls({ build }: { build: BuildPage }) {
  const org = useOrg();
  const router = useRouter();
  const trpc = useTRPC();
  const queries = useQueryClient();
  const mayRebuild = useIsAtLeast("developer");
  const mayStopAny = useIsAtLeast("maintainer");
  const mayStop = mayStopAny || (mayRebuild && build.owner === org.email);
  const [isAsking, ask] = useState(false);
  const stop = useMutation(
    trpc.builds.stop.mutationOptions({
      onSuccess: () => ask(false),
      onSettled: () => queries.invalidateQueries({ queryKey: trpc.builds.one.queryKey() }),
    }),
  );
  const rebuild = useMutation(
    trpc.builds.rebuild.mutationOptions({
      onSuccess: ({ requestId }) => {
        if (requestId !== null) router.push(routes.request(org.slug, requestId));
      },
    }),
  );
  const isOver = build.state === "finished";
  const again = () => {
    if (!rebuild.isPending) rebuild.mutate({ org: org.slug, buildId: build.id });
  };
  const canRebuild = mayRebuild && isOver;
  const canStop = mayStop && !isOver && build.stopRequestedAt === null;
  useCommands([
    ...(canRebuild
      ? [{ id: "rebuild", label: "Rebuild", keys: "r", group: "Build", run: again }]
      : []),
    ...(canStop
      ? [{ id: "stop", label: "Stop this build", keys: "x", group: "Build", run: () => ask(true) }]
      : []),
  ]);
  return (
    <>
      {canRebuild ? (
        <Button look="primary" disabled={rebuild.isPending} onClick={again}>
          <Icon path={ICONS.again} size={14} />
          Rebuild
        </Button>
      ) : null}
      {canStop ? (
        <Button look="danger" onClick={() => ask(true)}>
          <Icon path={ICONS.stop} size={14} />
          Stop
        </Button>
      ) : null}
      {rebuild.error ? (
        <p role="alert" className="self-center text-red">
          {rebuild.error.message}
        </p>
      ) : null}
      {isAsking ? (
        <ReasonDialog
          title={`Stop ${build.builder} #${build.number}`}
          action="Stop the build"
          keep="Let it run"
          isDangerous
          isRequired
          error={stop.error}
          isBusy={stop.isPending}
          onClose={() => {
            stop.reset();
            ask(false);
          }}
          onSubmit={(reason) => stop.mutate({ org: org.slug, buildId: build.id, reason })}
        >
          The step that runs is interrupted; steps that always run still do.
        </ReasonDialog>
      ) : null}
    </>
  );
}
