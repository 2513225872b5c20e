/** Text for a json column: PostgreSQL stores neither null characters nor halves of surrogate pairs. */

const UNSTORABLE = /\0|[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g;

/** What a worker says, made storable; U+FFFD stands for what cannot be. */
export function storableText(text: string): string {
  return text.replace(UNSTORABLE, "\uFFFD");
}

/** @param value what JSON can say */
export function jsonText(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) => {
    if (typeof item === "string") return storableText(item);
    if (item === null || typeof item !== "object" || Array.isArray(item)) return item;
    const entries = Object.entries(item);
    return entries.some(([key]) => key !== storableText(key))
      ? Object.fromEntries(entries.map(([key, each]) => [storableText(key), each]))
      : item;
  });
}
