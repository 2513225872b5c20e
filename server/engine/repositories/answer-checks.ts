/**
 * Repositories that pages ask about, looked at by `jobs` and answered in their row.
 *
 * A row is claimed by its `started_at`. Who died while looking is overtaken after a while; a second
 * answer changes nothing.
 */

import { jsonText } from "../../db/json-text";
import type { Queryable } from "../../db/pool";
import type { RepositoryAnswer } from "../../domain/git";
import type { OrgId } from "../../domain/ids";
import type { SecretReader } from "../../secrets/contract";

/** Longer than a look may take. */
const OVERTAKEN_AFTER_S = 90;
const AT_ONCE = 4;

interface Asked {
  readonly id: number;
  readonly orgId: OrgId;
  readonly repourl: string;
  readonly branch: string | null;
  readonly credentials: CredentialNames;
}

/** The user's name as it is, all else by the names of secrets. */
export interface CredentialNames {
  readonly username?: string;
  readonly password?: string;
  readonly sshPrivateKey?: string;
}

export interface ChecksContext {
  readonly db: Queryable;
  readonly secrets: SecretReader;
  readonly look: (question: {
    readonly repourl: string;
    readonly branch: string | null;
    readonly credentials: CredentialNames;
  }) => Promise<RepositoryAnswer>;
  readonly log: (message: string, fields: Record<string, unknown>) => void;
}

/** Answers all that waits. Several processes may, at the same time. */
export async function answerChecks(context: ChecksContext): Promise<void> {
  for (;;) {
    const claimed = await context.db.rows<Asked>(CLAIM, [OVERTAKEN_AFTER_S, AT_ONCE]);
    if (claimed.length === 0) return;
    await Promise.all(claimed.map((asked) => answer(context, asked)));
  }
}

const CLAIM = `
  update repository_check set started_at = now() where id in (
    select id from repository_check where answered_at is null
      and (started_at is null or started_at < now() - make_interval(secs => $1))
    order by id limit $2 for update skip locked)
  returning id, org_id as "orgId", repourl, branch, credentials`;

async function answer(context: ChecksContext, asked: Asked): Promise<void> {
  let found: RepositoryAnswer;
  try {
    const { repourl, branch } = asked;
    found = await context.look({ repourl, branch, credentials: await reveal(context, asked) });
  } catch (error) {
    context.log("repository not looked at", { check: asked.id, error });
    const detail = "it could not be looked at; try again";
    found = { kind: "refused", problem: "failed", detail, redirectedTo: null };
  }
  await context.db.rows(
    "update repository_check set answered_at = now(), answer = $2 where id = $1 and answered_at is null",
    [asked.id, jsonText(found)],
  );
}

async function reveal(context: ChecksContext, asked: Asked): Promise<CredentialNames> {
  const { username, ...hidden } = asked.credentials;
  const names = Object.values(hidden);
  const values = await context.secrets.read({
    orgId: asked.orgId,
    names,
    reader: `repository check ${asked.id}`,
    enrol: () => {},
  });
  const clear = Object.entries(hidden).map(([key, name]) => [
    key,
    values.get(name)?.reveal() ?? "",
  ]);
  return { ...(username === undefined ? {} : { username }), ...Object.fromEntries(clear) };
}
