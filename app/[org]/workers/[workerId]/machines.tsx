"use client";

import { useInfiniteQuery } from "@tanstack/react-query";
import Link from "next/link";
import { useLive } from "@/app/_client/live";
import { routes } from "@/app/_client/navigation";
import { machinePages } from "@/app/_client/pages";
import { useTRPC } from "@/app/_client/trpc";
import { useOrg } from "@/app/_shell/org";
import { Section } from "@/app/_ui/page-head";
import { InstanceTable } from "../../instances/instance-table";

const SHOWN = 5;

/** The last machines of a latent worker, the present one among them. */
export function Machines({ workerId }: { workerId: number }) {
  const org = useOrg();
  const trpc = useTRPC();
  const query = trpc.instances.list.infiniteQueryOptions({ org: org.slug, workerId }, machinePages);
  const { data } = useInfiniteQuery(query);
  useLive([`worker:${workerId}`, "instances"], [query.queryKey]);
  const instances = data?.pages.flatMap((page) => page.instances) ?? [];
  return (
    <Section title="Its machines" note="newest first">
      {data && instances.length === 0 ? (
        <p className="mb-4 text-muted">
          It has had none yet. The first is made when a build wants it: start one of a builder that
          names it.
        </p>
      ) : (
        <div className="mb-6">
          <InstanceTable instances={instances.slice(0, SHOWN)} hasWorker={false} />
          {instances.length > SHOWN ? (
            <p className="mt-2">
              <Link
                className="link"
                href={`${routes.instances(org.slug)}?which=all&worker=${workerId}`}
              >
                All its machines
              </Link>
            </p>
          ) : null}
        </div>
      )}
    </Section>
  );
}
