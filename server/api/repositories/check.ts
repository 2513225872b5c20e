import { z } from "zod";
import { only } from "../../db/pool";
import { AppError } from "../../domain/errors";
import { type RepositoryAnswer, readRepositoryUrl, repositoryProblem } from "../../domain/git";
import type { CredentialNames } from "../../engine/repositories/answer-checks";
import { sealingKey } from "../../secrets/seal";
import { setSecret } from "../../secrets/store";
import type { ApiContext } from "../context";
import { mustBeAllowed, type OrgScope } from "../trpc";

/** Waiting for an answer, of one organisation: more is somebody's script gone wild. */
const MAX_WAITING = 20;

const oneLine = z.string().regex(/^[^\n\r\0]*$/, "must be one line");

const credentials = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("password"),
    username: oneLine.trim().min(1, "a user is needed").max(200),
    password: oneLine.min(1, "a password or token is needed").max(10_000),
  }),
  z.object({
    kind: z.literal("ssh"),
    sshPrivateKey: z
      .string()
      .max(100_000)
      .regex(/-----BEGIN [A-Z ]*PRIVATE KEY-----/, "must be a private key, from BEGIN to END"),
  }),
]);

export const checkRepositoryInput = z.object({
  repourl: z.string().trim().max(2_000),
  branch: z.string().max(500).nullable(),
  /** Kept in the secret store from now on; null: those that an earlier check kept, if any. */
  credentials: credentials.nullable(),
});
export type CheckRepositoryInput = z.output<typeof checkRepositoryInput>;

export const repositoryAnswerInput = z.object({ checkId: z.number().int().positive() });

export interface RepositoryCheck {
  id: number;
  repourl: string;
  branch: string | null;
  /** What a document needs to read it again: names of secrets, no values. */
  credentials: CredentialNames;
  /** null: not answered yet. */
  answer: RepositoryAnswer | null;
}

/**
 * Asks `jobs` to look at a repository. Credentials go into the secret store before anybody looks.
 *
 * @throws AppError request.malformed for what is no address, auth.forbidden for credentials
 */
export async function checkRepository(
  ctx: ApiContext,
  org: OrgScope,
  input: CheckRepositoryInput,
): Promise<{ checkId: number }> {
  const problem = repositoryProblem(input.repourl, ctx.runtime.env);
  if (problem !== null) {
    throw new AppError("request.malformed", { problem: `the address ${problem}` });
  }
  if (input.credentials !== null) mustBeAllowed(org, "secrets");
  const checkId = await org.within(async (tx) => {
    const names = await keptNames(ctx, org, tx, input);
    const rows = await tx.rows<{ id: number }>(
      `insert into repository_check (org_id, repourl, branch, credentials, asked_by)
       select $1, $2, $3, $4, $5 where (
         select count(*) from (select from repository_check
           where org_id = $1 and answered_at is null limit ${MAX_WAITING}) w) < ${MAX_WAITING}
       returning id`,
      [org.orgId, input.repourl, input.branch, JSON.stringify(names), org.user.email],
    );
    if (rows.length === 0) {
      throw new AppError("request.conflict", { problem: "many repositories are being looked at" });
    }
    return only(rows).id;
  });
  ctx.runtime.repositoryAsked();
  return { checkId };
}

type Tx = Parameters<Parameters<OrgScope["within"]>[0]>[0];

async function keptNames(
  ctx: ApiContext,
  org: OrgScope,
  tx: Tx,
  { repourl, credentials: given }: CheckRepositoryInput,
): Promise<CredentialNames> {
  if (given === null) {
    const [last] = await tx.rows<{ credentials: CredentialNames }>(
      `select credentials from repository_check where org_id = $1 and repourl = $2
       order by id desc limit 1`,
      [org.orgId, repourl],
    );
    return last?.credentials ?? {};
  }
  const key = sealingKey(ctx.runtime.env.secretKey);
  const where = secretFolder(repourl);
  if (given.kind === "ssh") {
    const name = `${where}/ssh-key`;
    await setSecret(tx, key, org.caller, { name, value: given.sshPrivateKey });
    return { sshPrivateKey: name };
  }
  const name = `${where}/password`;
  await setSecret(tx, key, org.caller, { name, value: given.password });
  return { username: given.username, password: name };
}

/** `git/example.org/group/project` */
function secretFolder(repourl: string): string {
  const url = readRepositoryUrl(repourl);
  const host = typeof url === "string" ? "" : url.host;
  const path = repourl.replace(/^[a-z+]+:\/\/[^/]*/i, "").replace(/^[^/]*:/, "");
  const words = `${host}/${path}`
    .split("/")
    .map((word) => word.replaceAll(/[^A-Za-z0-9_.-]/g, "-"));
  return ["git", ...words.filter((word) => word !== "")].join("/").slice(0, 180);
}

export async function repositoryAnswer(
  org: OrgScope,
  { checkId }: z.output<typeof repositoryAnswerInput>,
): Promise<RepositoryCheck> {
  const [row] = await org.within((tx) =>
    tx.rows<RepositoryCheck>(
      `select id, repourl, branch, credentials, answer from repository_check
       where org_id = $1 and id = $2`,
      [org.orgId, checkId],
    ),
  );
  if (row === undefined) throw new AppError("request.not-found", { what: "repository check" });
  return row;
}
