/**
 * How far an organisation has come from nothing to a green build. Everything here is derived from what
 * exists: a reload, a second person or a configuration applied elsewhere all see the same.
 */
import type { Queryable } from "../../db/pool";
import type { ApiContext } from "../context";
import type { RepositoryCheck } from "../repositories/check";
import type { OrgScope } from "../trpc";

export interface WelcomeWorker {
  id: number;
  name: string;
  kind: string;
  isConnected: boolean;
}

/** The builder that was made last, and its newest build. */
export interface WelcomeBuilder {
  id: number;
  name: string;
  project: string | null;
  build: { id: number; number: number; state: string; result: number | null; says: string } | null;
  /** A request that has no build yet. */
  pendingId: number | null;
}

export interface WelcomeStatus {
  workers: WelcomeWorker[];
  /** This host may lend a worker, and has not. */
  offersLocal: boolean;
  /** What this person looked at last, before there was a builder. */
  check: RepositoryCheck | null;
  builder: WelcomeBuilder | null;
  /** Some build ended green. */
  isGreen: boolean;
  hasToken: boolean;
  members: number;
}

const WORKERS = `
  select id, name, kind, session_id is not null as "isConnected" from worker
  where org_id = $1 and removed_at is null order by session_id is null, name limit 50`;

const CHECK = `
  select id, repourl, branch, credentials, answer from repository_check
  where org_id = $1 and asked_by = $2 order by id desc limit 1`;

const BUILDER = `
  select b.id, b.name, p.name as project,
    (select json_build_object('id', x.id, 'number', x.number, 'state', x.state, 'result', x.result,
            'says', x.state_string)
     from build x where x.builder_id = b.id order by x.number desc limit 1) as build,
    (select r.id from build_request r
     where r.org_id = $1 and r.builder_id = b.id and r.state = 'pending'
     order by r.priority desc, r.id limit 1) as "pendingId"
  from builder b left join project p on p.id = b.project_id
  where b.org_id = $1 and b.removed_at is null order by b.id desc limit 1`;

const REST = `
  select exists (select from build where org_id = $1 and state = 'finished' and result = 0) as "isGreen",
    exists (select from api_token where org_id = $1 and revoked_at is null) as "hasToken",
    (select count(*) from membership where org_id = $1) as members`;

export async function welcomeStatus(ctx: ApiContext, org: OrgScope): Promise<WelcomeStatus> {
  const { env } = ctx.runtime;
  return org.within(async (tx: Queryable) => {
    const workers = await tx.rows<WelcomeWorker>(WORKERS, [org.orgId]);
    const [check = null] = await tx.rows<RepositoryCheck>(CHECK, [org.orgId, org.user.email]);
    const [builder = null] = await tx.rows<WelcomeBuilder>(BUILDER, [org.orgId]);
    const [rest] = await tx.rows<Pick<WelcomeStatus, "isGreen" | "hasToken" | "members">>(REST, [
      org.orgId,
    ]);
    const isLent = workers.some(({ kind }) => kind === "LocalWorker");
    return {
      workers,
      offersLocal: !env.isHosted && env.workers.pbPort !== null && !isLent,
      check,
      builder,
      isGreen: rest?.isGreen ?? false,
      hasToken: rest?.hasToken ?? false,
      members: Number(rest?.members ?? 0),
    };
  });
}
