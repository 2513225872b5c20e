/**
 * Tells people by mail: one mail to all of them, tried again with growing waits as long as the mail
 * server refuses, and never again once it has taken it.
 */
import type { Queryable } from "../../db/pool";
import type { OrgId } from "../../domain/ids";
import type { Letter, Posted } from "../../domain/mail";
import { claimMails, type Mailbox, recordTries, type Tried } from "./mailbox";
import { oneLine } from "./words";

/** A way to send mails. */
export interface Mailer {
  /** For people: `mail.example.org:25`. */
  readonly name: string;
  readonly from: string;
  /** @throws Error in a person's words when nothing was taken */
  post(letter: Letter): Promise<Posted>;
}

export interface TellContext {
  readonly db: Queryable;
  readonly actor: string;
  readonly publicUrl: string;
  /** The organisation's mail notifier for this worker, or else the installation's; null: none. */
  readonly mailerFor: (orgId: OrgId, workerName: string) => Promise<Mailer | null>;
  readonly announce: () => void;
  readonly alarm: (id: string, afterMs: number) => void;
  readonly log: (message: string, fields: Record<string, unknown>) => void;
  /** Retries what must not be forgotten. */
  readonly insist: <T>(what: string, work: () => Promise<T>) => Promise<T>;
}

const NO_MAILER =
  "no mailer configured: give the organisation a MailNotifier, or the installation SLIPWAY_SMTP_URL and SLIPWAY_MAIL_FROM";

export async function tell<Facts>(
  context: TellContext,
  mailbox: Mailbox<Facts>,
  id: number,
): Promise<void> {
  const { db, actor, publicUrl } = context;
  const claimed = await claimMails(db, mailbox, id);
  if (!claimed) return;
  const { orgId, to, open, messageId } = claimed;
  const { workerName, ...draft } = mailbox.draft(claimed, publicUrl);
  const letter = { ...draft, to, open, messageId };
  const tries = await post(context, { orgId, workerName }, letter);
  // Right after the mail server's word, and until it is written: a mail must not go out twice.
  const wait = await context.insist("outcome of a mail", () =>
    recordTries(db, mailbox, id, tries, actor),
  );
  context.announce();
  if (wait !== null) context.alarm(`${mailbox.kind}-${id}-${Date.now()}`, wait * 1000);
}

/** One try for all to whom the mail is open, with whoever sends it for this worker. Never throws. */
async function post(
  context: Pick<TellContext, "mailerFor" | "log">,
  { orgId, workerName }: { readonly orgId: OrgId; readonly workerName: string },
  letter: Omit<Letter, "from">,
): Promise<Tried[]> {
  const { open } = letter;
  const all = (answer: string, isHopeless: boolean): Tried[] =>
    open.map((recipient) => ({ recipient, isSent: false, answer, isHopeless }));
  try {
    const mailer = await context.mailerFor(orgId, workerName);
    if (!mailer) return all(NO_MAILER, true);
    const posted = await mailer.post({ from: mailer.from, ...letter });
    return open.map((recipient) => outcome(recipient, posted, mailer));
  } catch (error) {
    const answer = words(error);
    context.log("mail not sent", { worker: workerName, problem: answer });
    return all(answer, false);
  }
}

function outcome(recipient: string, posted: Posted, { name }: Mailer): Tried {
  const refusal = posted.refused.find((each) => each.recipient === recipient);
  const isSent = !refusal && posted.accepted.includes(recipient);
  const said = refusal?.answer ?? (isSent ? posted.answer : "it said nothing of this address");
  return { recipient, isSent, answer: `${name} said: ${printable(said)}`, isHopeless: false };
}

function words(error: unknown): string {
  const { response, message } = error as { response?: unknown; message?: unknown };
  return printable(typeof response === "string" && response !== "" ? response : String(message));
}

/** What a server says is not ours. */
const printable = (text: string) => oneLine(text, 300);
