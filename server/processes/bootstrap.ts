/**
 * What an installation has from its first moment: the organisation `main`, and a way in for its
 * first administrator. Any number may run at once and again; the second finds it done.
 */
import { createSetupToken, createUser, hashPassword } from "../auth";
import { type Database, only, type Queryable } from "../db/pool";
import type { OrgId, UserId } from "../domain/ids";
import type { ProcessEnv } from "../env";

export interface Bootstrapped {
  /** One-time link for the first administrator; null when there is an administrator. */
  readonly setupUrl: string | null;
}

const BOOTSTRAP_LOCK = 410_975_224;

/** @param database as the engine's role */
export async function bootstrap(
  env: Pick<ProcessEnv, "admin" | "web">,
  database: Database,
): Promise<Bootstrapped> {
  // Slow on purpose, so not while others wait for the lock.
  const hash = env.admin ? await hashPassword(env.admin.password) : null;
  return database.transaction(async (tx) => {
    await tx.rows("select pg_advisory_xact_lock($1)", [BOOTSTRAP_LOCK]);
    const orgId = await ensureMain(tx);
    const admins = await tx.rows(
      "select 1 from user_account where is_admin and disabled_at is null limit 1",
    );
    if (admins.length > 0) return { setupUrl: null };
    if (env.admin && hash) {
      await makeAdmin(tx, orgId, env.admin.email, hash);
      return { setupUrl: null };
    }
    return { setupUrl: `${env.web.publicUrl}/setup/${await createSetupToken(tx, orgId)}` };
  });
}

async function ensureMain(tx: Queryable): Promise<OrgId> {
  await tx.rows(
    "insert into organization (slug, name) values ('main', 'Main') on conflict (slug) do nothing",
  );
  return only(await tx.rows<{ id: OrgId }>("select id from organization where slug = 'main'")).id;
}

async function makeAdmin(tx: Queryable, orgId: OrgId, email: string, hash: string): Promise<void> {
  const name = email.split("@")[0] || email;
  const [known] = await tx.rows<{ id: UserId }>(
    `update user_account set is_admin = true, disabled_at = null, password_hash = $2
     where email = lower($1) returning id`,
    [email, hash],
  );
  const userId = known?.id ?? (await createUser(tx, { email, name, hash, isAdmin: true }));
  await tx.rows(
    `insert into membership (org_id, user_id, role) values ($1, $2, 'owner')
     on conflict (org_id, user_id) do update set role = 'owner'`,
    [orgId, userId],
  );
  await tx.rows("delete from invitation where kind = 'setup' and used_at is null");
}
