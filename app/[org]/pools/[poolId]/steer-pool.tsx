"use client";

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTRPC } from "@/app/_client/trpc";
import { useIsAtLeast, useOrg } from "@/app/_shell/org";
import { Button } from "@/app/_ui/button";
import { ReasonDialog } from "@/app/_ui/reason-dialog";
import type { PoolSummary } from "@/server/api/pools/row";

type How = "hold" | "drain" | "resume";

const TEXTS: Readonly<Record<How, { button: string; title: string; says: string }>> = {
  hold: {
    button: "Hold",
    title: "Hold",
    says: "No more machines are made. Those that are there go on building.",
  },
  drain: {
    button: "Drain",
    title: "Drain",
    says: "No more machines, and no more builds on those that are there: each goes when its builds are over.",
  },
  resume: {
    button: "Resume",
    title: "Resume",
    says: "It grows and shrinks by itself again.",
  },
};

/** What a person may do to a pool; each asks for a reason. */
export function SteerPool({ pool }: { pool: PoolSummary }) {
  const org = useOrg();
  const trpc = useTRPC();
  const queries = useQueryClient();
  const may = useIsAtLeast("maintainer");
  const [asking, ask] = useState<How | null>(null);
  const steer = useMutation(
    trpc.pools.steer.mutationOptions({
      onSuccess: () => ask(null),
      onSettled: () => queries.invalidateQueries({ queryKey: trpc.pools.pathKey() }),
    }),
  );
  if (!may) return null;
  const possible: How[] =
    pool.steering === null
      ? ["hold", "drain"]
      : pool.steering.how === "hold"
        ? ["resume", "drain"]
        : ["resume"];
  return (
    <>
      {possible.map((how) => (
        <Button
          key={how}
          look={how === "drain" ? "danger" : how === "resume" ? "primary" : "plain"}
          onClick={() => ask(how)}
        >
          {TEXTS[how].button}
        </Button>
      ))}
      {asking ? (
        <ReasonDialog
          title={`${TEXTS[asking].title} pool ${pool.name}`}
          action={TEXTS[asking].button}
          keep="Leave it"
          isDangerous={asking === "drain"}
          isBusy={steer.isPending}
          error={steer.error}
          onClose={() => {
            steer.reset();
            ask(null);
          }}
          onSubmit={(reason) =>
            steer.mutate({ org: org.slug, poolId: pool.id, how: asking, reason })
          }
        >
          {TEXTS[asking].says}
        </ReasonDialog>
      ) : null}
    </>
  );
}
