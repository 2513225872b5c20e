"use client";

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTRPC } from "@/app/_client/trpc";
import { useIsAtLeast, useOrg } from "@/app/_shell/org";
import { Facts } from "@/app/_ui/facts";
import { Problem } from "@/app/_ui/problem";

/** The worker's environment: asked for when it is opened, and by maintainers alone. */
export function Environ(props: { workerId: number }) {
  const org = useOrg();
  const trpc = useTRPC();
  const may = useIsAtLeast("maintainer");
  const [isOpen, setOpen] = useState(false);
  const { data, error } = useQuery({
    ...trpc.workers.environ.queryOptions({ org: org.slug, workerId: props.workerId }),
    enabled: may && isOpen,
  });
  if (!may) return null;
  return (
    <details className="mt-4" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary className="text-muted hover:text-fg">
        Environment of the worker, for maintainers: it may hold credentials
      </summary>
      <div className="mt-2">
        <Problem error={error} />
        {data?.length === 0 ? <p className="text-muted">It said nothing of it.</p> : null}
        <Facts
          facts={(data ?? []).map(({ name, value }) => [
            name,
            <code key={name} className="num break-all">
              {value}
            </code>,
          ])}
        />
      </div>
    </details>
  );
}
