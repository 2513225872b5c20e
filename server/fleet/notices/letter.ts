/** The mail of a notice. Pure; the same at every try, because what it is made of does not change any more. */
import { oneLine, utc } from "../mails/words";

export interface NoticeFacts {
  readonly kind: string;
  readonly subjectId: number;
  readonly workerName: string;
  readonly subject: string;
  /** What happened last, in words. */
  readonly body: string;
  readonly count: number;
  readonly firstAt: Date;
  readonly lastAt: Date;
  readonly orgSlug: string;
  readonly orgName: string;
}

/** @param publicUrl where people reach us, without a slash at its end */
export function noticeText(facts: NoticeFacts, publicUrl: string): string {
  const { kind, body, orgSlug, subjectId } = facts;
  const org = oneLine(facts.orgName);
  const home = `${publicUrl}/${orgSlug}`;
  if (kind === "substantiation-failed") {
    return [
      `The latent worker ${facts.workerName} of ${org} never connected: ${oneLine(body)}.`,
      "",
      ...times(facts),
      `Its page:  ${home}/workers/${subjectId}`,
      "",
      "There is at most one such mail an hour for each worker; what fails in between is counted.",
      "",
    ].join("\n");
  }
  const page = kind === "stop-failing" ? "instances" : "instances/limits";
  const again =
    kind === "stop-failing"
      ? "They are tried again for ever. There is at most one such mail a day."
      : "What waits is told so beside each request. There is at most one such mail a day for each limit.";
  const first = kind === "stop-failing" ? body : `${upper(oneLine(body))}.`;
  return [
    ...[`Organisation ${org}`, "", first, ""],
    ...[`Page:  ${home}/${page}`, "", again, ""],
  ].join("\n");
}

function times({ count, firstAt, lastAt }: NoticeFacts): string[] {
  if (count === 1) return [`When:      ${utc(lastAt)}`];
  return [`How often: ${count} times, from ${utc(firstAt)} to ${utc(lastAt)}`];
}

const upper = (text: string) => text.slice(0, 1).toUpperCase() + text.slice(1);
