/**
 * `/{org}/api/v2/config/versions`: GET lists them, newest first, of one document with `?project=`;
 * GET `versions/N` is that version with its text, of the project or of the organisation's own
 * document; PUT `versions/N/rollback` makes a new version that says the same.
 */
import { z } from "zod";
import {
  type Activated,
  ConfigInvalid,
  findVersion,
  listVersions,
  rollBack,
  sealingKey,
  type Version,
} from "../config";
import { AppError } from "../domain/errors";
import { unstorable } from "../domain/text";
import type { Admission } from "./access";
import { parseParams } from "./params";

const MAX_PAGE = 200;

const number = z.coerce
  .number()
  .int()
  .min(1)
  .max(2 ** 31 - 1);
const query = z.object({
  project: z
    .string()
    .min(1)
    .refine((name) => unstorable(name) === null)
    .optional(),
  before: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER).optional(),
  limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(50),
});

export interface ConfigVersion {
  readonly id: number;
  readonly project: string | null;
  readonly number: number;
  readonly author: string;
  /** Seconds, as everywhere in this API. */
  readonly created_at: number;
  readonly summary: string;
  readonly comment: string;
  readonly is_removal: boolean;
  readonly is_newest: boolean;
  readonly text?: string;
}

export const asConfigVersion = (version: Version & { text?: string }): ConfigVersion => ({
  id: version.id,
  project: version.project,
  number: version.number,
  author: version.author,
  created_at: Math.floor(version.at.getTime() / 1000),
  summary: version.summary,
  comment: version.comment,
  is_removal: version.isRemoval,
  is_newest: version.isNewest,
  ...(version.text === undefined ? {} : { text: version.text }),
});

/** What follows `config/versions`; null: another path. */
export function versionsPath(path: readonly string[]): readonly string[] | null {
  return path[0] === "config" && path[1] === "versions" ? path.slice(2) : null;
}

export function readVersions(
  admission: Admission,
  path: readonly string[],
  search: URLSearchParams,
): Promise<{ config_versions: ConfigVersion[]; meta: { total: number } }> {
  return admission.within(async (tx, asker) => {
    asker.mustBeAbleTo("config");
    if (path.length > 1) throw new AppError("request.not-found", { what: "path" });
    const { project, before, limit } = parseParams(query, Object.fromEntries(search));
    const found =
      path[0] === undefined
        ? await listVersions(tx, admission.orgId, project === undefined ? null : { project }, {
            before: before ?? null,
            limit,
          })
        : [await findVersion(tx, admission.orgId, project ?? null, parseParams(number, path[0]))];
    return { config_versions: found.map(asConfigVersion), meta: { total: found.length } };
  });
}

/** @throws AppError config.invalid, saying why the old version does not fit any more */
export async function rollBackVersion(
  env: { readonly secretKey: string; readonly isHosted: boolean },
  admission: Admission,
  path: readonly string[],
  search: URLSearchParams,
): Promise<Omit<Activated, "warnings">> {
  try {
    return await admission.within(async (tx, asker) => {
      asker.mustBeAbleTo("config");
      if (path.length !== 2 || path[1] !== "rollback") {
        throw new AppError("request.not-found", { what: "path" });
      }
      const { project } = parseParams(query, Object.fromEntries(search));
      const wanted = parseParams(number, path[0]);
      const { id } = await findVersion(tx, admission.orgId, project ?? null, wanted);
      const { warnings: _, ...applied } = await rollBack(tx, admission.orgId, id, {
        author: asker.actor,
        sealingKey: sealingKey(env.secretKey),
        isHosted: env.isHosted,
      });
      return applied;
    });
  } catch (error) {
    // It went through no text whose lines could be pointed at.
    if (error instanceof ConfigInvalid) throw new AppError("config.invalid", error.details, error);
    throw error;
  }
}
