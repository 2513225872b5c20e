"use client";

import Link from "next/link";
import type { ReactNode } from "react";
import { routes } from "../../_client/navigation";
import { useOrg } from "../../_shell/org";

/** Where the options of a worker's machines are written: with the worker, or with the pool that made it. */
export function SettingsLink(props: {
  workerId: number;
  pool: { readonly id: number } | null;
  children: ReactNode;
}) {
  const { workerId, pool } = props;
  const org = useOrg();
  const path = pool ? routes.pool(org.slug, pool.id) : routes.workerSettings(org.slug, workerId);
  return (
    <Link className="link" href={path}>
      {props.children}
    </Link>
  );
}
