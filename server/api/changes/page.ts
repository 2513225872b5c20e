import { z } from "zod";
import { ms } from "../sql";
import type { OrgScope } from "../trpc";

const PAGE = 50;
const FILES = 100;

export const changesInput = z.object({
  /** Only what came before the change with this id. */
  cursor: z.number().int().positive().nullish(),
});

export const buildChangesInput = z.object({ buildId: z.number().int().positive() });

export interface ChangeRow {
  id: number;
  author: string;
  comments: string;
  branch: string | null;
  revision: string | null;
  revlink: string | null;
  repository: string;
  project: string;
  codebase: string;
  category: string | null;
  /** The first hundred. */
  files: string[];
  fileCount: number;
  /** Milliseconds since the epoch: as the change says, and when it was seen here. */
  when: number;
  seenAt: number;
}

/** What came of a change for one builder: its newest build, or null while it waits. */
export interface Outcome {
  requestId: number;
  builderId: number;
  builder: string;
  state: "pending" | "claimed" | "done" | "cancelled";
  build: { id: number; number: number; state: string; result: number | null } | null;
}

export interface ChangeWithOutcomes extends ChangeRow {
  outcomes: Outcome[];
  /** Schedulers that wait for it to be the last for a while. */
  waitingIn: { id: number; name: string; fireAt: number | null }[];
}

/** Newest first. */
export async function changePage(org: OrgScope, { cursor }: z.output<typeof changesInput>) {
  return org.within(async (tx) => {
    const changes = await tx.rows<ChangeWithOutcomes>(LIST, [org.orgId, cursor ?? null]);
    return { changes, before: changes.length === PAGE ? (changes.at(-1)?.id ?? null) : null };
  });
}

/** What a build is for, with what was collapsed into it; oldest first. */
export async function buildChanges(
  org: OrgScope,
  { buildId }: z.output<typeof buildChangesInput>,
): Promise<ChangeRow[]> {
  return org.within((tx) => tx.rows<ChangeRow>(OF_BUILD, [org.orgId, buildId]));
}

const COLUMNS = `c.id, c.author, c.comments, c.branch, c.revision, c.revlink, c.repository, c.project, c.codebase,
  c.category, c.files[1:${FILES}] as files, c.file_count as "fileCount", ${ms("c.when_at")} as when,
  ${ms("c.created_at")} as "seenAt"`;

const OUTCOMES = `
  select coalesce(json_agg(json_build_object('requestId', r.id, 'builderId', r.builder_id, 'builder', b.name,
      'state', r.state, 'build', (
        select json_build_object('id', x.id, 'number', x.number, 'state', x.state, 'result', x.result)
        from build x where x.build_request_id = r.id order by x.id desc limit 1)) order by b.name, r.id), '[]')
  from requests_of_change(c.id) q join build_request r on r.id = q.request_id join builder b on b.id = r.builder_id`;

const WAITING = `
  select coalesce(json_agg(json_build_object('id', s.id, 'name', s.name, 'fireAt', ${ms("s.fire_at")})
    order by s.name), '[]')
  from scheduler_change k join scheduler s on s.id = k.scheduler_id
  where k.change_id = c.id and s.removed_at is null`;

const LIST = `
  select ${COLUMNS}, (${OUTCOMES}) as outcomes, (${WAITING}) as "waitingIn"
  from change c where c.org_id = $1 and ($2::bigint is null or c.id < $2)
  order by c.id desc limit ${PAGE}`;

const OF_BUILD = `
  select ${COLUMNS} from build x cross join lateral changes_of_request(x.build_request_id) q
  join change c on c.id = q.change_id
  where x.org_id = $1 and x.id = $2 order by c.id limit 500`;
