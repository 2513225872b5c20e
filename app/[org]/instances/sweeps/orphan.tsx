"use client";

import { useTRPCClient } from "@/app/_client/trpc";
import { useIsAtLeast, useOrg } from "@/app/_shell/org";
import { Ago } from "@/app/_ui/time";
import type { SightingRow } from "@/server/api/instances/accounts";
import { StopButton } from "../stop-button";

/** A machine that carries our tag and belongs to nobody: seen how often, and what is done about it. */
export function Orphan({ sighting }: { sighting: SightingRow }) {
  const org = useOrg();
  const client = useTRPCClient();
  const may = useIsAtLeast("maintainer");
  return (
    <div className="mb-3 flex flex-wrap items-start gap-x-4 gap-y-1 border-l-2 border-amber pl-3">
      <div className="min-w-0 flex-1 basis-72">
        <p>
          <span className="num font-semibold break-all">{sighting.key}</span> belongs to nobody:{" "}
          {sighting.why}
        </p>
        <p className="text-muted">
          Seen {sighting.times === 1 ? "once" : `${sighting.times} times in a row`}, first{" "}
          <Ago at={sighting.firstAt} />
          {sighting.stopAskedAt === null ? (
            ""
          ) : (
            <>
              ; told to stop <Ago at={sighting.stopAskedAt} />
            </>
          )}
          {sighting.stopRequestedBy ? `, at the wish of ${sighting.stopRequestedBy}` : ""}
          {sighting.lastError ? `; the provider says: ${sighting.lastError}` : ""}
        </p>
      </div>
      {may && sighting.stopRequestedBy === null ? (
        <StopButton
          small
          label={
            <>
              Stop it now<span className="sr-only">: {sighting.key}</span>
            </>
          }
          title="Stop a machine that belongs to nobody"
          action="Stop it"
          over={null}
          stop={(reason) =>
            client.instances.stopOrphan.mutate({ org: org.slug, sightingId: sighting.id, reason })
          }
        >
          <span className="num break-all">{sighting.key}</span> is swept now, and stopped without
          being seen a second time.
        </StopButton>
      ) : null}
    </div>
  );
}
