"use client";

import { useQuery } from "@tanstack/react-query";
import { useTRPC } from "@/app/_client/trpc";
import { ChangeSource, ChangeText } from "@/app/_features/changes";
import { useOrg } from "@/app/_shell/org";
import { Ago } from "@/app/_ui/time";
import type { BuildPage } from "@/server/api/builds/one";

/** Who and what caused the build, newest first: also the changes of requests it took the place of. */
export function ChangeList({ build }: { build: BuildPage }) {
  const org = useOrg();
  const trpc = useTRPC();
  const { data } = useQuery(
    trpc.changes.ofBuild.queryOptions({ org: org.slug, buildId: build.id }),
  );
  if (!data) return null;
  if (data.length === 0) {
    return (
      <p className="p-4 text-muted">
        It was not made for a change, but asked for by {build.owner ?? build.scheduler}.
      </p>
    );
  }
  return (
    <ul className="divide-y divide-line">
      {[...data].reverse().map((change) => (
        <li key={change.id} className="px-4 py-2">
          <ChangeText change={change} />
          <p className="text-xs text-muted [overflow-wrap:anywhere]">
            {change.author}, <Ago at={change.when} /> · <ChangeSource change={change} />
          </p>
        </li>
      ))}
    </ul>
  );
}
