"use client";

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTRPC } from "@/app/_client/trpc";
import { replaceQuery, setOrDelete, useQueryText } from "@/app/_client/url-state";
import { useOrg } from "@/app/_shell/org";
import { KindChooser } from "../../workers/add/add-page-view";
import { PoolForm } from "../configure/pool-form";

const OWN = "Worker";

/** First what its machines are: made by Slipway in some way, or by something else that lets them join. */
export function AddPool() {
  const org = useOrg();
  const trpc = useTRPC();
  const { data: kinds } = useQuery(trpc.pools.kinds.queryOptions({ org: org.slug }));
  // The address follows a moment later.
  const [asked, choose] = useState(useQueryText("kind"));
  if (!kinds) return null;
  const latent = kinds.kinds.filter(({ isLatent }) => isLatent);
  const type = latent.find((kind) => kind.type === asked)?.type ?? null;
  return (
    <>
      <KindChooser
        legend="What its machines are"
        own={{
          title: "Machines of yours",
          description: "Something else makes them, and they join with a token.",
        }}
        latent={latent}
        chosen={type}
        onChoose={(next) => {
          choose(next ?? "");
          replaceQuery((query) => setOrDelete(query, "kind", next));
        }}
      />
      <PoolForm key={type ?? OWN} kinds={kinds} type={type ?? OWN} poolId={null} />
    </>
  );
}
