import { z } from "zod";
import {
  activateText,
  type ConfigError,
  ConfigRefused,
  checkConfig,
  readConfig,
} from "../../config";
import type { Queryable } from "../../db/pool";
import { AppError } from "../../domain/errors";
import type { BuilderId } from "../../domain/ids";
import type { Made } from "../../engine";
import { applyOptions } from "../config/change";
import type { ApiContext } from "../context";
import type { OrgScope } from "../trpc";

export const beginInput = z.object({
  /** A configuration that holds one project, as the page shows it. */
  text: z.string().max(100_000),
  repository: z.string().max(2_000),
  branch: z.string().max(500).nullable(),
  /** Made by the page once, so that a double click starts one build. */
  idempotencyKey: z.string().min(8).max(100),
});

export type BeginAnswer =
  | { readonly isBegun: true; readonly builderIds: readonly number[] }
  | { readonly isBegun: false; readonly errors: readonly ConfigError[] };

/**
 * Activates a project's document and asks for the first build of each of its builders, both or
 * neither. Touches no other document.
 *
 * @throws AppError request.conflict when the project is there already
 */
export async function beginProject(
  ctx: ApiContext,
  org: OrgScope,
  input: z.output<typeof beginInput>,
): Promise<BeginAnswer> {
  try {
    const { builderIds, made } = await org.within(async (tx) => {
      await tx.rows("select 1 from organization where id = $1 for no key update", [org.orgId]);
      const { documents: stored } = await readConfig(tx, org.orgId);
      const names = Object.keys(checkConfig(input.text, ctx.runtime.env).documents?.projects ?? {});
      const taken = names.find((name) => Object.hasOwn(stored.projects, name));
      if (taken !== undefined) {
        throw new AppError("request.conflict", { problem: `there is a project ${taken} already` });
      }
      await activateText(tx, org.orgId, input.text, {
        ...applyOptions(ctx, org),
        comment: "Set up in the browser",
      });
      return firstBuilds(ctx, org, tx, names, input);
    });
    ctx.runtime.configChanged(org.orgId);
    for (const { announce } of made) announce();
    return { isBegun: true, builderIds };
  } catch (error) {
    if (!(error instanceof ConfigRefused)) throw error;
    return { isBegun: false, errors: error.errors };
  }
}

async function firstBuilds(
  ctx: ApiContext,
  org: OrgScope,
  tx: Queryable,
  projects: readonly string[],
  input: z.output<typeof beginInput>,
): Promise<{ builderIds: number[]; made: Made[] }> {
  const builders = await tx.rows<{ id: BuilderId; project: string }>(
    `select b.id, p.name as project from builder b join project p on p.id = b.project_id
     where b.org_id = $1 and b.removed_at is null and p.name = any($2) order by b.id`,
    [org.orgId, projects],
  );
  const made: Made[] = [];
  for (const { id, project } of builders) {
    made.push(
      await ctx.runtime.commands.force(
        org.caller,
        {
          builderId: id,
          reason: "the first build",
          owner: org.user.email,
          properties: {},
          branch: input.branch,
          revision: null,
          repository: input.repository,
          project,
          codebase: null,
          priority: 0,
          idempotencyKey: `${input.idempotencyKey}-${id}`,
        },
        tx,
      ),
    );
  }
  return { builderIds: builders.map(({ id }) => id), made };
}
