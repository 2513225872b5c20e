"use client";

import Link from "next/link";
import { routes } from "@/app/_client/navigation";
import { buildState, Status } from "@/app/_features/status";
import { useOrg } from "@/app/_shell/org";
import type { WelcomeBuilder } from "@/server/api/welcome/status";

export function FirstBuild(props: { builder: WelcomeBuilder; hasWorker: boolean }) {
  const { builder, hasWorker } = props;
  const org = useOrg();
  const { build, pendingId } = builder;
  if (build === null) {
    return (
      <p>
        {pendingId === null ? (
          <>
            <Link className="link" href={routes.builder(org.slug, builder.id)}>
              {builder.name}
            </Link>{" "}
            was never built: start a build there.
          </>
        ) : (
          <>
            <Link className="link" href={routes.request(org.slug, pendingId)}>
              The first build of {builder.name}
            </Link>{" "}
            waits to start{hasWorker ? "." : " until a worker is connected."}
          </>
        )}
      </p>
    );
  }
  const state = buildState(build);
  const isRed = build.state === "finished" && build.result !== 0;
  return (
    <div className="space-y-1">
      <p className="flex flex-wrap items-center gap-x-3">
        <Link className="link" href={routes.build(org.slug, builder.id, build.number)}>
          {builder.name} <span className="num">#{build.number}</span>
        </Link>
        <Status state={state} />
        <span className="text-muted">{build.says}</span>
      </p>
      {isRed ? (
        <p className="text-muted">
          Its page opens at the first error. Mend the commands in the configuration, or the code,
          and build again from there.
        </p>
      ) : null}
    </div>
  );
}
