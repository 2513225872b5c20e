/**
 * The shapes in which a hidden value may turn up in output (spec A-25): as it is, each of its
 * lines, in base64 at its three alignments, and quoted for URLs, JSON and shells.
 */
import { MIN_HIDDEN_BYTES } from "../../domain/secrets";

/** Lines of a value of several lines. */
export const MIN_LINE_BYTES = 8;
/** Longer forms are searched by their beginning. */
export const MAX_FORM_BYTES = 8192;

export function formsOf(value: string): Buffer[] {
  const whole = value.replace(/\r?\n$/, "");
  if (Buffer.byteLength(whole) < MIN_HIDDEN_BYTES) return [];
  const lines = whole.split(/\r?\n/);
  const parts =
    lines.length === 1
      ? [whole]
      : lines.filter((line) => Buffer.byteLength(line) >= MIN_LINE_BYTES);
  const forms = new Set<string>();
  for (const part of new Set([whole, ...parts])) {
    for (const form of [
      part,
      ...inBase64(part),
      ...inUrl(part),
      ...inJson(part),
      ...inShell(part),
    ]) {
      forms.add(form);
    }
  }
  return [...forms]
    .filter((form) => !form.includes("\n") && !form.includes("\r"))
    .map((form) => Buffer.from(form).subarray(0, MAX_FORM_BYTES))
    .filter((form) => form.length >= MIN_HIDDEN_BYTES);
}

/** The characters that depend on the value alone, with 0, 1 and 2 unknown bytes before it. */
function inBase64(value: string): string[] {
  const bytes = Buffer.from(value);
  return [0, 1, 2].flatMap((before) => {
    const all = Buffer.concat([Buffer.alloc(before), bytes]);
    const from = Math.ceil((before * 8) / 6);
    const to = Math.floor((all.length * 8) / 6);
    return [all.toString("base64").slice(from, to), all.toString("base64url").slice(from, to)];
  });
}

function inUrl(value: string): string[] {
  const quoted = encodeURIComponent(value.replace(/\p{Surrogate}/gu, "\ufffd"));
  const strict = quoted.replace(
    /[!'()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return [quoted, strict].flatMap((form) => [
    form,
    form.replace(/%[0-9A-F]{2}/g, (hex) => hex.toLowerCase()),
    form.replaceAll("%20", "+"),
    form.replaceAll("%2F", "/"),
  ]);
}

function inJson(value: string): string[] {
  const quoted = JSON.stringify(value).slice(1, -1);
  const ascii = quoted.replace(
    /[\u007f-\uffff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return [quoted, ascii, quoted.replaceAll("/", "\\/"), ascii.replaceAll("/", "\\/")];
}

function inShell(value: string): string[] {
  return [
    value.replaceAll("'", "'\\''"),
    value.replaceAll("'", `'"'"'`),
    value.replace(/[\\"$`]/g, "\\$&"),
    value.replace(/[^A-Za-z0-9_\-.,:+/@\n]/g, "\\$&"),
    value.replaceAll("\\", "\\\\").replaceAll("'", "\\'").replaceAll("\n", "\\n"),
  ];
}
