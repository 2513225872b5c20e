import { z } from "zod";
import { AppError } from "../../domain/errors";
import { allowed, member, type OrgScope, router } from "../trpc";

export interface ProjectRow {
  id: number;
  name: string;
  description: string;
  builders: number;
  /** Newest version of its configuration; null: none yet. */
  version: number | null;
}

const PAGE = 200;

export const projectsInput = z.object({ after: z.string().max(200).optional() });

export const createProjectInput = z.object({
  name: z
    .string()
    .trim()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, "letters, digits, dots, dashes; at most 100"),
  description: z.string().trim().max(500),
});

async function listProjects(org: OrgScope, after: string) {
  const projects = await org.within((tx) =>
    tx.rows<ProjectRow>(
      `select p.id, p.name, p.description,
              (select count(*) from builder b where b.project_id = p.id and b.removed_at is null) as builders,
              (select max(v.number) from config_version v where v.org_id = $1 and v.project_id = p.id) as version
       from project p where p.org_id = $1 and p.removed_at is null and p.name > $2
       order by p.name limit ${PAGE}`,
      [org.orgId, after],
    ),
  );
  return { projects, after: projects.length === PAGE ? (projects.at(-1)?.name ?? null) : null };
}

/** A name that was removed before comes back with its history. */
async function createProject(org: OrgScope, input: z.output<typeof createProjectInput>) {
  const made = await org.within((tx) =>
    tx.rows<{ id: number }>(
      `insert into project (org_id, name, description) values ($1, $2, $3)
       on conflict (org_id, name) do update set removed_at = null, description = excluded.description
         where project.removed_at is not null
       returning id`,
      [org.orgId, input.name, input.description],
    ),
  );
  if (made.length === 0) {
    throw new AppError("request.conflict", { problem: `there is a project ${input.name}` });
  }
  return { id: made[0]?.id };
}

export const projectsRouter = router({
  list: member
    .input(projectsInput)
    .query(({ ctx, input }) => listProjects(ctx.org, input.after ?? "")),
  create: allowed("config")
    .input(createProjectInput)
    .mutation(({ ctx, input }) => createProject(ctx.org, input)),
});
