"use client";

import { useQuery } from "@tanstack/react-query";
import { hourAndMinute } from "@/app/_client/format";
import { useLive } from "@/app/_client/live";
import { useTRPC } from "@/app/_client/trpc";
import { BusyStrip } from "@/app/_features/busy-strip";
import { useOrg } from "@/app/_shell/org";
import { useNow } from "@/app/_ui/time";

const EVERY_MS = 5_000;
const QUARTERS = [0, 6, 12, 18, 24];

/** What it did in the last 24 hours, with the hours below. */
export function DayStrip(props: { workerId: number }) {
  const org = useOrg();
  const trpc = useTRPC();
  const query = trpc.workers.busy.queryOptions({ org: org.slug, workerIds: [props.workerId] });
  const { data } = useQuery(query);
  useLive([`worker:${props.workerId}`], [query.queryKey], EVERY_MS);
  const now = useNow(false);
  const slots = data?.slots ?? 144;
  return (
    <div className="mb-5">
      <BusyStrip day={data ? (data.days[0] ?? null) : undefined} slots={slots} tall />
      <div className="flex justify-between text-2xs text-muted" aria-hidden="true">
        {QUARTERS.map((hours) => (
          <span key={hours} suppressHydrationWarning>
            {hours === 24
              ? "now"
              : now === 0 || !data
                ? "…"
                : hourAndMinute(data.from + hours * 3_600_000)}
          </span>
        ))}
      </div>
    </div>
  );
}
