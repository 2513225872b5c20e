/** The mail about a worker that is missing (W-075). Pure. */
import { oneLine, utc } from "../mails/words";

export interface LossFacts {
  readonly workerId: number;
  readonly name: string;
  readonly orgSlug: string;
  readonly orgName: string;
  /** What the worker's own file says; anything may stand there. */
  readonly admin: string | null;
  readonly lostAt: Date;
  readonly hasEverConnected: boolean;
  readonly timeoutSeconds: number;
}

export const subjectOf = ({ name }: LossFacts): string => `Buildbot worker ${name} missing`;

/** @param publicUrl where people reach us, without a slash at its end */
export function textOf(facts: LossFacts, publicUrl: string): string {
  const { name, orgName, orgSlug, workerId, timeoutSeconds, lostAt, hasEverConnected } = facts;
  const admin = oneLine(facts.admin ?? "", 500);
  const since = utc(lostAt);
  return [
    `The worker ${name} of ${oneLine(orgName)} has not been connected for ${duration(timeoutSeconds)}.`,
    "",
    `Last seen:      ${hasEverConnected ? since : `never; expected since ${since}`}`,
    `Timeout:        ${timeoutSeconds} s (missing_timeout)`,
    `Administrator:  ${admin === "" ? "not said by the worker" : admin}`,
    `Its page:       ${publicUrl}/${orgSlug}/workers/${workerId}`,
    "",
    "This is said once. The next mail comes when it has connected and is lost again.",
    "",
  ].join("\n");
}

function duration(seconds: number): string {
  const units: [number, string][] = [
    [86_400, "day"],
    [3_600, "hour"],
    [60, "minute"],
  ];
  for (const [length, unit] of units) {
    const count = seconds / length;
    if (Number.isInteger(count) && count > 0) return `${count} ${unit}${count === 1 ? "" : "s"}`;
  }
  return `${seconds} second${seconds === 1 ? "" : "s"}`;
}
