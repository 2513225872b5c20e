/** From jelly values to banana (protocol §2.3), straight into a writer. */
import { BananaFloat } from "./banana";
import type { BananaWriter } from "./banana-writer";
import type { Jelly } from "./jelly";
import { Copied, Dictionary, JellyError, Local, Remote, Text, Tuple, UnknownForm } from "./jelly";

/** Deeper than any Buildbot value by far; a value that holds itself ends here. */
const MAX_DEPTH = 64;

/**
 * Writes one value. Whole numbers go as integers, others as floats; `Float` makes a float of any.
 * Throws `JellyError` or `BananaError` for what a peer would refuse.
 */
export function writeJelly(writer: BananaWriter, value: Jelly, depth = 0): void {
  if (depth > MAX_DEPTH) throw new JellyError("a value is nested too deep");
  switch (typeof value) {
    case "string":
      writer.list(2);
      writer.text("unicode");
      writer.text(value);
      return;
    case "number":
      if (Number.isSafeInteger(value)) writer.integer(value);
      else writer.float(value);
      return;
    case "bigint":
      writer.integer(value);
      return;
    case "boolean":
      writer.list(2);
      writer.text("boolean");
      writer.text(value ? "true" : "false");
      return;
    default:
      writeObject(writer, value, depth);
  }
}

function writeObject(writer: BananaWriter, value: Exclude<Jelly, string>, depth: number): void {
  if (value === null) {
    writer.list(1);
    writer.text("None");
  } else if (value instanceof Uint8Array) {
    writer.bytes(value);
  } else if (value instanceof Text) {
    writer.list(2);
    writer.text("unicode");
    writer.bytes(value.bytes);
  } else if (Array.isArray(value)) {
    writeItems(writer, "list", value, depth);
  } else if (value instanceof Tuple) {
    writeItems(writer, "tuple", value.items, depth);
  } else if (value instanceof Dictionary) {
    writeDictionary(writer, value.entries, depth);
  } else if (value instanceof Remote) {
    writeNumbered(writer, "remote", value.id);
  } else if (value instanceof Local) {
    writeNumbered(writer, "local", value.id);
  } else if (value instanceof BananaFloat) {
    writer.float(value.value);
  } else if (value instanceof Copied) {
    writer.list(2);
    writer.text(value.className);
    writeJelly(writer, value.state, depth + 1);
  } else if (value instanceof UnknownForm) {
    writer.value([...value.form]);
  } else {
    const entries = Object.entries(value as { readonly [key: string]: Jelly | undefined });
    writeDictionary(
      writer,
      entries.filter((entry): entry is [string, Jelly] => entry[1] !== undefined),
      depth,
    );
  }
}

function writeItems(
  writer: BananaWriter,
  word: string,
  items: readonly Jelly[],
  depth: number,
): void {
  writer.list(items.length + 1);
  writer.text(word);
  for (const item of items) writeJelly(writer, item, depth + 1);
}

function writeDictionary(
  writer: BananaWriter,
  entries: readonly (readonly [Jelly, Jelly])[],
  depth: number,
): void {
  writer.list(entries.length + 1);
  writer.text("dictionary");
  for (const [key, value] of entries) {
    writer.list(2);
    writeJelly(writer, key, depth + 1);
    writeJelly(writer, value, depth + 1);
  }
}

function writeNumbered(writer: BananaWriter, word: string, number: number): void {
  writer.list(2);
  writer.text(word);
  writer.integer(number);
}
