/**
 * The accounts at providers that are swept: one for each kind of driver and what makes an account of its
 * options, as workers of the configuration and machines that are not gone have them. One that nobody
 * uses any more is swept until its provider says that it is empty, and has said so for a day.
 */
import { createHash } from "node:crypto";
import type { Queryable } from "../../db/pool";
import type { OrgId } from "../../domain/ids";
import { isRenderable, type JsonValue } from "../../domain/properties";
import type { LatentDriverKind } from "../../drivers/contract";

export type Kinds = ReadonlyMap<string, LatentDriverKind>;

export interface Account {
  readonly driver: string;
  readonly fingerprint: string;
  /** For a person. */
  readonly title: string;
}

/** Null: there is no such driver here. Secrets are names in it; two that hold the same are two accounts. */
export function accountOf(kinds: Kinds, driver: string, config: unknown): Account | null {
  const kind = kinds.get(driver);
  if (!kind) return null;
  const options = (config ?? {}) as Record<string, unknown>;
  const names = [...(kind.accountOptions ?? ownOptions(kind, options))].sort();
  const own = names.flatMap((name) => (options[name] === undefined ? [] : [[name, options[name]]]));
  const text = JSON.stringify(own);
  const fingerprint = createHash("sha256").update(`${driver} ${text}`).digest("hex").slice(0, 16);
  const words = own.flatMap(([, value]) => (typeof value === "string" ? [value] : []));
  return { driver, fingerprint, title: [driver, ...words].join(" ").slice(0, 200) };
}

/**
 * The options that an account is opened with to see what is there, which is no build's: what depends on a
 * build is not in it, but a name where there must be one.
 * @returns the names of those that say which account it is and depend on the build; then it cannot be opened
 */
export function withoutBuild(
  kinds: Kinds,
  driver: string,
  config: unknown,
): { readonly config: object } | { readonly dependsOn: readonly string[] } {
  const options = Object.entries((config ?? {}) as Record<string, JsonValue>);
  const own = kinds.get(driver)?.accountOptions;
  const templated = options.filter(([, value]) => dependsOnBuild(value)).map(([name]) => name);
  const dependsOn = templated.filter((name) => own?.includes(name) ?? true);
  if (dependsOn.length > 0) return { dependsOn };
  const known = options.flatMap(([name, value]): [string, JsonValue][] => {
    if (!templated.includes(name)) return [[name, value]];
    return typeof value === "string" ? [[name, "depends-on-the-build"]] : [];
  });
  return { config: Object.fromEntries(known) };
}

/** Of secrets alone it is the same for every build; a property that is not there would be an empty text. */
function dependsOnBuild(value: JsonValue): boolean {
  if (typeof value === "string") return /%\((?!secret:)/.test(value.replaceAll("%%", ""));
  if (typeof value !== "object" || value === null) return false;
  if (isRenderable(value)) return (value as { type?: unknown }).type !== "Secret";
  return Object.values(value).some(dependsOnBuild);
}

/** What a driver does not know is no part of its account. */
function ownOptions({ schema }: LatentDriverKind, options: Record<string, unknown>): string[] {
  const { shape } = schema as { shape?: Record<string, unknown> };
  return Object.keys(options).filter((name) => shape === undefined || Object.hasOwn(shape, name));
}

interface Use {
  readonly orgId: OrgId;
  readonly driver: string;
  readonly config: object;
}

/** Notes the accounts that are in use. As many statements for a thousand workers as for one. */
export async function discover(q: Queryable, kinds: Kinds): Promise<void> {
  const uses = await q.rows<Use>(USES, [[...kinds.keys()]]);
  const accounts = new Map<string, Account & { orgId: OrgId; config: object }>();
  for (const { orgId, driver, config } of uses) {
    const account = accountOf(kinds, driver, config);
    if (account) accounts.set(`${orgId} ${account.fingerprint}`, { ...account, orgId, config });
  }
  const all = [...accounts.values()];
  if (all.length === 0) return;
  await q.rows(NOTE, [
    all.map(({ orgId }) => orgId),
    all.map(({ driver }) => driver),
    all.map(({ fingerprint }) => fingerprint),
    all.map(({ title }) => title),
    all.map(({ config }) => JSON.stringify(config)),
  ]);
}

const USES = {
  name: "account-uses",
  text: `select distinct w.org_id as "orgId", w.kind as driver, w.config from latent_worker l join worker w on w.id = l.worker_id
      where w.removed_at is null and w.kind = any($1)
    union
    select distinct i.org_id, i.driver, i.config from instance i where i.state <> 'gone' and i.driver = any($1)`,
};

/** A new one has its turn now: its column would round that to the next millisecond, which is not here yet. */
const NOTE = {
  name: "note-accounts",
  text: `insert into instance_account (org_id, driver, fingerprint, title, config, next_at)
    select u.*, date_trunc('milliseconds', now())
    from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::jsonb[]) u
    on conflict (org_id, driver, fingerprint) do update set wanted_at = now(), config = excluded.config,
      title = excluded.title, next_at = least(instance_account.next_at, now() + interval '45 seconds')`,
};
