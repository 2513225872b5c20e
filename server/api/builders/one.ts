import { z } from "zod";
import { AppError } from "../../domain/errors";
import { type BuilderId, parseId } from "../../domain/ids";
import { type Bar, bars } from "../sql";
import type { OrgScope } from "../trpc";

export const builderInput = z.object({ builderId: z.number().int().positive() });

export interface BuilderPage {
  id: number;
  name: string;
  description: string;
  tags: string[];
  project: string | null;
  isRemoved: boolean;
  pending: number;
  workers: { id: number; name: string; isConnected: boolean }[];
  builds: Bar[];
  /** What the builder's configuration lists, newest version. */
  steps: { type: string; name: string | null }[];
  /** Properties its configuration sets, which a forced build may override. */
  properties: Record<string, unknown>;
}

export async function oneBuilder(
  org: OrgScope,
  input: z.output<typeof builderInput>,
): Promise<BuilderPage> {
  const id = parseId<BuilderId>(input.builderId);
  const [row] = await org.within((tx) => tx.rows<BuilderPage>(ONE, [org.orgId, id]));
  if (row === undefined) throw new AppError("request.not-found", { what: "builder" });
  return row;
}

const ONE = `
  select b.id, b.name, b.description, coalesce(b.tags, '{}') as tags, p.name as project,
         b.removed_at is not null as "isRemoved",
         (select count(*) from build_request r
          where r.org_id = b.org_id and r.builder_id = b.id and r.state = 'pending') as pending,
         (select coalesce(json_agg(json_build_object('id', k.id, 'name', k.name,
                   'isConnected', k.session_id is not null) order by k.name), '[]')
          from builder_worker bw join worker k on k.id = bw.worker_id
          where bw.builder_id = b.id and k.removed_at is null) as workers,
         ${bars("where x.builder_id = b.id order by x.number desc limit 60")} as builds,
         coalesce((select json_agg(json_build_object('type', s ->> 'type', 'name', s ->> 'name'))
                   from jsonb_array_elements(c.config -> 'steps') s), '[]') as steps,
         coalesce(c.config -> 'properties', '{}') as properties
  from builder b
  left join project p on p.id = b.project_id
  left join builder_config c on c.id = b.current_config_id
  where b.org_id = $1 and b.id = $2`;
