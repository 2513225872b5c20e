import { z } from "zod";
import {
  type Activated,
  ConfigInvalid,
  listVersions,
  readVersion,
  rollBack,
  type Version,
  versionBefore,
} from "../../config";
import { AppError } from "../../domain/errors";
import type { ApiContext } from "../context";
import type { OrgScope } from "../trpc";
import { applyOptions } from "./change";
import { target } from "./target";

const PAGE = 30;

const id = z.number().int().positive();
export const versionsInput = z.object({ target: target.default("all"), cursor: id.nullish() });
export const versionInput = z.object({ id });
/** `from` absent: the version before it. */
export const compareInput = z.object({ from: id.nullable(), to: id });

export interface VersionRow extends Omit<Version, "at"> {
  readonly at: number;
}

const row = ({ at, ...version }: Version): VersionRow => ({ ...version, at: at.getTime() });

/** Newest first. */
export async function versions(org: OrgScope, input: z.output<typeof versionsInput>) {
  const { target: which, cursor } = input;
  const found = await org.within((tx) =>
    listVersions(tx, org.orgId, which === "all" ? null : which, {
      before: cursor ?? null,
      limit: PAGE,
    }),
  );
  return {
    versions: found.map(row),
    before: found.length === PAGE ? (found.at(-1)?.id ?? null) : null,
  };
}

/** Two versions of one document, side by side. */
export function compare(org: OrgScope, { from, to }: z.output<typeof compareInput>) {
  return org.within(async (tx) => {
    const newer = await readVersion(tx, org.orgId, to);
    const olderId = from ?? (await versionBefore(tx, org.orgId, to));
    const older = olderId === null ? null : await readVersion(tx, org.orgId, olderId);
    if (older && older.project !== newer.project) {
      throw new AppError("request.conflict", {
        problem: "these are versions of different documents",
      });
    }
    return {
      from: older && { ...row(older), text: older.text },
      to: { ...row(newer), text: newer.text },
    };
  });
}

/** @throws AppError config.invalid, saying why the old version does not fit any more */
export async function goBack(ctx: ApiContext, org: OrgScope, versionId: number) {
  let applied: Omit<Activated, "warnings">;
  try {
    const { warnings: _, ...rest } = await org.within((tx) =>
      rollBack(tx, org.orgId, versionId, applyOptions(ctx, org)),
    );
    applied = rest;
  } catch (error) {
    if (error instanceof ConfigInvalid) throw new AppError("config.invalid", error.details, error);
    throw error;
  }
  ctx.runtime.configChanged(org.orgId);
  return applied;
}
