"use client";

import { useQuery } from "@tanstack/react-query";
import { useLive } from "@/app/_client/live";
import { useTRPC } from "@/app/_client/trpc";
import { cost, MachineLink, SettingsLink } from "@/app/_features/machines";
import { useOrg } from "@/app/_shell/org";
import type { BuildPage } from "@/server/api/builds/one";
import { Preparing } from "./preparing";

/** Of a build on a latent worker: its machine, as long as it waits for it, and when that never came. */
export function MachineBar({ build }: { build: BuildPage }) {
  const org = useOrg();
  const trpc = useTRPC();
  const query = trpc.instances.ofBuild.queryOptions({ org: org.slug, buildId: build.id });
  const hasMachine = build.instanceId !== null;
  const { data } = useQuery({ ...query, enabled: hasMachine });
  useLive(hasMachine ? [`instance:${build.instanceId}`] : [`build:${build.id}`], [query.queryKey]);
  const machine = data?.machine ?? null;
  const isLost = build.state === "finished" && build.startedAt === null && machine?.isFailed;
  if (build.awaits === null && !isLost) return null;
  return (
    <div
      className={`mb-2 max-w-4xl border-l-2 pl-3 ${isLost ? "border-purple" : "border-cyan"}`}
      role="status"
    >
      {isLost ? (
        <>
          <p className="font-semibold">Its machine never came</p>
          <pre className="num max-h-40 overflow-auto text-[12.5px] break-words whitespace-pre-wrap">
            {machine.endReason ?? machine.reason}
          </pre>
          {machine.endAdvice === null ? null : <p>{machine.endAdvice}</p>}
          <p className="text-muted">
            <MachineLink instanceId={machine.id} generation={machine.generation} /> says what
            happened; the{" "}
            <SettingsLink workerId={build.workerId} pool={build.pool}>
              settings of {build.pool ? `pool ${build.pool.name}` : build.worker}
            </SettingsLink>{" "}
            {build.pool ? "say what its machines are made with." : "can be tested stage by stage."}
          </p>
        </>
      ) : build.awaits ? (
        <Preparing
          awaits={build.awaits}
          worker={{ id: build.workerId, name: build.worker, pool: build.pool }}
          machine={machine}
          stretches={data?.stretches ?? null}
        />
      ) : null}
    </div>
  );
}

/** For the row of facts: which machine it had, and its share of the cost. */
export function MachineFact({ build }: { build: BuildPage }) {
  const org = useOrg();
  const trpc = useTRPC();
  const { data } = useQuery({
    ...trpc.instances.ofBuild.queryOptions({ org: org.slug, buildId: build.id }),
    enabled: build.instanceId !== null,
  });
  if (!data) return null;
  const { machine, cost: share } = data;
  return (
    <>
      <MachineLink instanceId={machine.id} generation={machine.generation} />
      {share === null || machine.billing === "free" ? null : (
        <span className="text-muted"> {cost(share, machine.currency)}</span>
      )}
    </>
  );
}
