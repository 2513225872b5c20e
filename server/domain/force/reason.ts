/** The reason of a forced build: a sentence around what was said (`reasonString`). */

export const DEFAULT_REASON_STRING = "A build was forced by '%(owner)s': %(reason)s";

const PART = /%(?:%|\((\w*)\)s|.?)/g;
const KNOWN: readonly string[] = ["owner", "reason"];

/** What is wrong with the sentence, or null. */
export function reasonStringProblem(text: string): string | null {
  for (const [part, name] of text.matchAll(PART)) {
    if (part === "%%" || (name !== undefined && KNOWN.includes(name))) continue;
    return `${JSON.stringify(part)} stands for nothing here: there is %(owner)s and %(reason)s, and %% is a percent sign`;
  }
  return null;
}

export function reasonSentence(
  text: string,
  said: { readonly owner: string; readonly reason: string },
): string {
  return text.replace(PART, (part, name?: string) => {
    if (part === "%%") return "%";
    return name === "owner" || name === "reason" ? said[name] : part;
  });
}
