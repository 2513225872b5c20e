"use client";

import Link from "next/link";
import { routes } from "@/app/_client/navigation";
import { type LifeStretch, LifeStrip, MachineLink, SettingsLink } from "@/app/_features/machines";
import { useOrg } from "@/app/_shell/org";
import { Countdown, Duration, useNow } from "@/app/_ui/time";
import type { BuildPage } from "@/server/api/builds/one";
import type { InstanceRow } from "@/server/api/instances/row";
import { ADVICE_SILENT } from "@/server/domain/latent/advice";

/** A provider that takes longer to answer, and a machine that takes longer to log in, may be at fault. */
const LONG_ANSWER_MS = 15_000;
const LONG_START_MS = 60_000;

type Machine = Pick<InstanceRow, "id" | "generation" | "state" | "createdAt" | "answeredAt">;

interface WaitedFor {
  readonly id: number;
  readonly name: string;
  readonly pool: BuildPage["pool"];
}

/** What a build that waits for its machine waits for: since when, until when, and what may be done. */
export function Preparing(props: {
  awaits: NonNullable<BuildPage["awaits"]>;
  worker: WaitedFor;
  machine: Machine | null;
  stretches: readonly LifeStretch[] | null;
}) {
  const { awaits, machine, worker } = props;
  const { what, since } = waitsFor(awaits, machine);
  const name = machine ? (
    <>
      {" "}
      (<MachineLink instanceId={machine.id} generation={machine.generation} />)
    </>
  ) : null;
  return (
    <>
      <p>
        Preparing its worker: {what}
        {name}, for <Duration from={since} to={null} />
        {awaits.missingAt === null ? null : (
          <span className="text-muted">
            ; unless it logs in, it is given up <Countdown to={awaits.missingAt} />
          </span>
        )}
      </p>
      <Hint machine={machine} since={since} worker={worker} />
      {props.stretches ? (
        <div className="mt-1.5 max-w-xl">
          <LifeStrip stretches={props.stretches} />
        </div>
      ) : null}
    </>
  );
}

function waitsFor(
  { latentState, reason, since }: NonNullable<BuildPage["awaits"]>,
  machine: Machine | null,
): { what: string; since: number } {
  switch (latentState) {
    case "substantiating":
      return { what: "a machine is asked for in a moment", since };
    case "starting":
      if (machine?.state === "requested") {
        return {
          what: "the provider was asked for a machine and has not answered yet",
          since: machine.createdAt,
        };
      }
      return {
        what: "the provider makes its machine, whose worker has not logged in yet",
        since: machine?.answeredAt ?? since,
      };
    case "substantiated":
      return { what: "its machine has logged in, and is being set up", since };
    case "insubstantiating":
      return { what: "the machine before is being stopped", since };
    case "resubstantiating":
      return { what: "the machine before is being stopped, then it gets one of its own", since };
    default:
      return { what: reason, since };
  }
}

/** What a person may do, once it takes long. */
function Hint(props: { machine: Machine | null; since: number; worker: WaitedFor }) {
  const { machine, since, worker } = props;
  const org = useOrg();
  const waited = useNow() - since;
  if (machine?.state === "requested" && waited > LONG_ANSWER_MS) {
    return (
      <p className="text-muted">
        That is long. How the provider answered last stands under{" "}
        <Link className="link" href={routes.sweeps(org.slug)}>
          sweeps
        </Link>
        ; if it does not answer at all, the build is tried again by itself.
      </p>
    );
  }
  if (machine?.state === "starting" && waited > LONG_START_MS) {
    return (
      <p className="text-muted">
        {ADVICE_SILENT} Its options are{" "}
        <SettingsLink workerId={worker.id} pool={worker.pool}>
          the settings of {worker.pool ? `pool ${worker.pool.name}` : worker.name}
        </SettingsLink>
        .
      </p>
    );
  }
  return null;
}
