/**
 * Who sends an organisation's mails: its own notifier that matches, else the installation's. A mail
 * server that could not be spoken to is left alone for a moment, or a thousand mails that wait for it
 * would keep everybody else's from going out.
 */
import type { Queryable } from "../db/pool";
import type { OrgId } from "../domain/ids";
import type { Letter, Posted } from "../domain/mail";
import { secretsIn } from "../domain/properties";
import type { Mailer } from "../fleet";
import { relayOf, relayOfUrl } from "../reporters/mail/relay";
import { mailNotifierSchema } from "../reporters/mail/schema";
import { post, type Relay } from "../reporters/mail/smtp";
import type { SecretReader } from "../secrets/contract";

export interface MailersContext {
  readonly db: Queryable;
  readonly secrets: SecretReader;
  readonly isHosted: boolean;
  readonly now: () => number;
  /** Of the installation. */
  readonly mail: { readonly smtpUrl: string; readonly from: string } | null;
}

const LEFT_ALONE_MS = 30_000;

export function createMailers(context: MailersContext) {
  const { db, mail, isHosted, secrets, now } = context;
  const away = new Map<string, { readonly until: number; readonly error: unknown }>();

  async function postUnlessAway(relay: Relay, letter: Letter, isForeign: boolean): Promise<Posted> {
    const key = JSON.stringify([relay, isForeign]);
    const last = away.get(key);
    if (last && last.until > now()) throw last.error;
    away.delete(key);
    try {
      return await post(relay, letter, { isForeign });
    } catch (error) {
      away.set(key, { until: now() + LEFT_ALONE_MS, error });
      throw error;
    }
  }

  const mailer = (relay: Relay, from: string, isForeign: boolean): Mailer => ({
    name: `${relay.host}:${relay.port}`,
    from,
    post: (letter) => postUnlessAway(relay, letter, isForeign),
  });

  return async (orgId: OrgId, workerName: string): Promise<Mailer | null> => {
    const [row] = await db.rows<{ config: object }>(
      `select config from reporter
       where org_id = $1 and kind = 'MailNotifier' and removed_at is null
         and (config->'workers' is null or config->>'workers' = 'all' or config->'workers' ? $2)
       order by id limit 1`,
      [orgId, workerName],
    );
    if (!row) return mail ? mailer(relayOfUrl(mail.smtpUrl), mail.from, false) : null;
    const options = mailNotifierSchema.parse({ type: "MailNotifier", ...row.config });
    const password = await passwordOf(secrets, orgId, options.smtpPassword);
    return mailer(relayOf(options, password), options.fromaddr, isHosted);
  };
}

/** @throws Error when the secret is not there (any more) */
async function passwordOf(
  secrets: SecretReader,
  orgId: OrgId,
  written: unknown,
): Promise<string | null> {
  const [name] = secretsIn(written);
  if (name === undefined) return null;
  const request = { orgId, names: [name], reader: "mail notifier", enrol: () => {} };
  const secret = (await secrets.read(request)).get(name);
  if (!secret) throw new Error(`there is no secret ${name}`);
  return secret.reveal();
}
