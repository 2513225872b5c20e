import { z } from "zod";
import { AppError } from "../../domain/errors";
import { changeConfig } from "../config/change";
import type { ApiContext } from "../context";
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

/** Written into the configuration as an empty project; a removed one comes back with its history. */
function createProject(
  ctx: ApiContext,
  org: OrgScope,
  { name, description }: z.output<typeof createProjectInput>,
): Promise<{ name: string }> {
  return changeConfig(
    ctx,
    org,
    ({ projects }) => {
      if (Object.hasOwn(projects, name)) {
        throw new AppError("request.conflict", { problem: `there is a project ${name}` });
      }
      return { organization: null, projects: { [name]: description ? { description } : {} } };
    },
    async () => ({ name }),
  );
}

export const projectsRouter = router({
  list: member
    .input(projectsInput)
    .query(({ ctx, input }) => listProjects(ctx.org, input.after ?? "")),
  create: allowed("config")
    .input(createProjectInput)
    .mutation(({ ctx, input }) => createProject(ctx, ctx.org, input)),
});
