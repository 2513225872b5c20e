"use client";

import { useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { useState } from "react";
import { useLive } from "@/app/_client/live";
import { useTRPC } from "@/app/_client/trpc";
import { Ladder, type Rung } from "@/app/_features/ladder";
import { useOrg } from "@/app/_shell/org";
import { Button } from "@/app/_ui/button";
import type { WelcomeStatus } from "@/server/api/welcome/status";
import { FirstBuild } from "./first-build";
import { Project } from "./project";
import { Source } from "./source";
import { WhatNext } from "./what-next";
import { Worker } from "./worker";

/** A step is done when what it is about exists; nothing here is remembered but what is typed. */
export function WelcomeView() {
  const org = useOrg();
  const trpc = useTRPC();
  const query = trpc.welcome.status.queryOptions({ org: org.slug });
  const { data: status } = useQuery(query);
  useLive(["workers", "builds", "requests", "config"], [query.queryKey]);
  const [isAnother, setAnother] = useState(false);
  if (!status) return null;
  const shown = isAnother ? { ...status, builder: null } : status;
  return (
    <>
      <Ladder label="Steps" rungs={rungsOf(shown, () => setAnother(false))} />
      {status.isGreen && !isAnother ? <WhatNext status={status} /> : null}
      <p className="mt-6 flex flex-wrap items-center gap-x-4 gap-y-2 text-muted">
        {status.builder && !isAnother ? (
          <Button small onClick={() => setAnother(true)}>
            Set up another project
          </Button>
        ) : null}
        <span>
          Rather write it all yourself? The{" "}
          <Link className="link" href={`/${org.slug}/settings/configuration`}>
            configuration
          </Link>{" "}
          is one text.
        </span>
      </p>
    </>
  );
}

function rungsOf(status: WelcomeStatus, onBegun: () => void): Rung[] {
  const { workers, builder, check } = status;
  const hasWorker = workers.some(({ isConnected }) => isConnected);
  const isFound = builder !== null || check?.answer?.kind === "found";
  const isGreen = builder?.build?.state === "finished" && builder.build.result === 0;
  const isOver = builder?.build?.state === "finished";
  return [
    {
      id: "worker",
      title: "Connect a worker",
      state: hasWorker ? "success" : "waiting",
      body: <Worker status={status} />,
    },
    {
      id: "source",
      title: "Bring your source",
      state: isFound ? "success" : "waiting",
      body: builder === null ? <Source check={check} /> : null,
    },
    {
      id: "project",
      title: "Say what to run",
      state: builder !== null ? "success" : isFound ? "waiting" : "pending",
      body:
        builder === null && check !== null && check.answer?.kind === "found" ? (
          <Project
            key={check.id}
            check={check}
            found={check.answer}
            workers={workers}
            onBegun={onBegun}
          />
        ) : null,
    },
    {
      id: "build",
      title: "See the first build",
      state: isGreen
        ? "success"
        : isOver
          ? "failure"
          : builder === null
            ? "pending"
            : builder.build
              ? "running"
              : "waiting",
      body: builder === null ? null : <FirstBuild builder={builder} hasWorker={hasWorker} />,
    },
  ];
}
