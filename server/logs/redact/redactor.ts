/**
 * Replaces the values of secrets by `<name>` in whole lines, before they are stored (C-147, A-25).
 *
 * All forms of all values are searched at once, by the method of Wu and Manber: the pair of bytes
 * at the end of a window as long as the shortest form says how far the window may move on, and
 * only where a form could end there are the forms compared. Most bytes are never looked at.
 */
import { formsOf } from "./forms";

export interface HiddenValue {
  readonly name: string;
  readonly value: string;
}

interface Form {
  readonly bytes: Buffer;
  readonly shown: Buffer;
}

interface Match {
  readonly start: number;
  readonly form: Form;
}

export class Redactor {
  readonly #window: number;
  readonly #longest: number;
  readonly #shift: Uint8Array;
  /** Forms by the pair that ends their first window, longest first. */
  readonly #buckets: ReadonlyMap<number, readonly Form[]>;

  /** Null when there is nothing to hide, which costs nothing. */
  static of(values: readonly HiddenValue[]): Redactor | null {
    const forms: Form[] = [];
    const seen = new Set<string>();
    for (const { name, value } of values) {
      const shown = Buffer.from(`<${name}>`);
      for (const bytes of formsOf(value)) {
        const key = bytes.toString("latin1");
        if (!seen.has(key)) forms.push({ bytes, shown });
        seen.add(key);
      }
    }
    return forms.length === 0 ? null : new Redactor(forms);
  }

  private constructor(forms: readonly Form[]) {
    this.#window = Math.min(64, ...forms.map((form) => form.bytes.length));
    this.#longest = Math.max(...forms.map((form) => form.bytes.length));
    this.#shift = new Uint8Array(65_536).fill(this.#window - 1);
    const buckets = new Map<number, Form[]>();
    for (const form of forms) {
      for (let end = 1; end < this.#window; end += 1) {
        const pair = pairAt(form.bytes, end);
        const shift = this.#window - 1 - end;
        if (shift < (this.#shift[pair] as number)) this.#shift[pair] = shift;
      }
      const last = pairAt(form.bytes, this.#window - 1);
      const bucket = buckets.get(last);
      if (bucket) bucket.push(form);
      else buckets.set(last, [form]);
    }
    for (const bucket of buckets.values()) bucket.sort((a, b) => b.bytes.length - a.bytes.length);
    this.#buckets = buckets;
  }

  /** Whether any form is in these bytes; lines and their prefixes may be among them. */
  mayMatch(bytes: Buffer): boolean {
    return this.#find(bytes, 0) !== null;
  }

  /** One line's text, without prefix and newline; the same memory when nothing was found. */
  redact(text: Buffer): Buffer {
    let match = this.#find(text, 0);
    if (!match) return text;
    const parts: Buffer[] = [];
    let from = 0;
    while (match) {
      parts.push(text.subarray(from, match.start), match.form.shown);
      // What overlaps goes with it, or the rest of a second value would be left standing.
      from = match.start + match.form.bytes.length;
      let next = this.#find(text, match.start + 1);
      while (next && next.start < from) {
        from = Math.max(from, next.start + next.form.bytes.length);
        next = this.#find(text, next.start + 1);
      }
      match = next;
    }
    parts.push(text.subarray(from));
    return Buffer.concat(parts);
  }

  /** For texts that are not logs: summaries, state strings, names of steps. */
  redactText(text: string): string {
    const bytes = Buffer.from(text);
    const redacted = this.redact(bytes);
    return redacted === bytes ? text : redacted.toString();
  }

  /**
   * Where an unfinished line may be cut so that no value is: what lies behind the cut is long
   * enough to hold all that began before it.
   */
  safeCut(line: Buffer): number {
    let cut = Math.max(0, line.length - this.#longest);
    const from = Math.max(0, cut - this.#longest);
    let match = this.#find(line, from);
    while (match && match.start < cut) {
      if (match.start + match.form.bytes.length > cut) cut = match.start;
      match = this.#find(line, match.start + match.form.bytes.length);
    }
    return cut;
  }

  #find(bytes: Buffer, from: number): Match | null {
    const shift = this.#shift;
    const window = this.#window;
    const length = bytes.length;
    let end = from + window - 1;
    while (end < length) {
      const pair = ((bytes[end - 1] as number) << 8) | (bytes[end] as number);
      const step = shift[pair] as number;
      if (step > 0) {
        end += step;
        continue;
      }
      const start = end - window + 1;
      for (const form of this.#buckets.get(pair) ?? []) {
        const stop = start + form.bytes.length;
        if (stop <= length && form.bytes.compare(bytes, start, stop) === 0) return { start, form };
      }
      end += 1;
    }
    return null;
  }
}

function pairAt(bytes: Buffer, end: number): number {
  return ((bytes[end - 1] as number) << 8) | (bytes[end] as number);
}
