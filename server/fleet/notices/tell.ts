/** Tells people what a notice says, in one mail, tried again for as long as the mail server refuses. */
import { postTo, type TellContext } from "../missing/tell";
import { noticeText } from "./letter";
import { claimNotice, recordNotice } from "./notice-store";

/** @param host ours, for the ids of mails */
export async function tellNotice(context: TellContext, id: number, host: string): Promise<void> {
  const claimed = await claimNotice(context.db, id, host);
  if (!claimed) return;
  const { orgId, workerName, subject, messageId, to, open, closedAt } = claimed;
  const text = noticeText(claimed, context.publicUrl);
  const letter = { subject, text, messageId, to, open, date: closedAt };
  const tries = await postTo(context, { orgId, workerName }, letter);
  // Right after the mail server's word, and until it is written: a mail must not go out twice.
  const wait = await context.insist("outcome of a mail", () => recordNotice(context.db, id, tries));
  if (wait !== null) context.alarm(`notice-${id}-${Date.now()}`, wait * 1000);
}
