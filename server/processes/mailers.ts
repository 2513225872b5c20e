/** Who sends an organisation's mails: its own notifier that matches, else the installation's. */
import type { Queryable } from "../db/pool";
import type { OrgId } from "../domain/ids";
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
  /** Of the installation. */
  readonly mail: { readonly smtpUrl: string; readonly from: string } | null;
}

export function createMailers(context: MailersContext) {
  const { db, mail, isHosted, secrets } = context;
  const mailer = (relay: Relay, from: string, isForeign: boolean): Mailer => ({
    name: `${relay.host}:${relay.port}`,
    from,
    post: (letter) => post(relay, letter, { isForeign }),
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
