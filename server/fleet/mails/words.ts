/** What stands in mails. Pure. */

/** What others wrote: bounded, and on one line. */
export const oneLine = (text: string, most = 1_000): string =>
  text
    .replaceAll(/[\p{C}\s]+/gu, " ")
    .trim()
    .slice(0, most);

/** `2026-11-29 08:00:00 UTC` */
export const utc = (at: Date): string =>
  at
    .toISOString()
    .replace("T", " ")
    .replace(/\.\d+Z$/, " UTC");
