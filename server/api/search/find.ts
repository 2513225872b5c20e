import { z } from "zod";
import type { OrgScope } from "../trpc";

export const findInput = z.object({ text: z.string().trim().max(200) });

export interface Found {
  kind: "builder" | "worker" | "build";
  id: number;
  name: string;
  /** Builds only. */
  builderId: number | null;
  number: number | null;
}

/** Builders and workers whose name holds the text; `name #12` or `#12` also finds builds. */
export async function find(org: OrgScope, input: z.output<typeof findInput>): Promise<Found[]> {
  const [, name = "", number = null] = /^(.*?)\s*(?:#(\d{1,9}))?$/.exec(input.text) ?? [];
  const like = `%${name.replace(/[\\%_]/g, "\\$&")}%`;
  return org.within((tx) => tx.rows<Found>(FIND, [org.orgId, like, number]));
}

const FIND = `
  (select 'build' as kind, x.id, b.name, b.id as "builderId", x.number
   from builder b join build x on x.builder_id = b.id and x.number = $3::int
   where b.org_id = $1 and b.name ilike $2 and $3::int is not null order by b.name limit 8)
  union all
  (select 'builder', b.id, b.name, null, null from builder b
   where b.org_id = $1 and b.removed_at is null and b.name ilike $2 and $3::int is null order by b.name limit 12)
  union all
  (select 'worker', k.id, k.name, null, null from worker k
   where k.org_id = $1 and k.removed_at is null and k.name ilike $2 and $3::int is null order by k.name limit 8)`;
