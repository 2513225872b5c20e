"use client";

import Link from "next/link";
import { routes } from "../../_client/navigation";
import { useOrg } from "../../_shell/org";

/** A machine, by its number among those of its worker: leads to its biography. */
export function MachineLink(props: { instanceId: number; generation: number }) {
  const org = useOrg();
  return (
    <Link className="link" href={routes.instance(org.slug, props.instanceId)} prefetch={false}>
      machine {props.generation}
    </Link>
  );
}
