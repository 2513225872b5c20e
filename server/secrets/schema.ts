import { z } from "zod";
import { MAX_SECRET_BYTES, MIN_HIDDEN_BYTES, SECRET_NAME } from "../domain/secrets";
import { unstorable } from "../domain/text";

const bytesIn = (text: string) => new TextEncoder().encode(text).length;

export const secretName = z
  .string()
  .regex(SECRET_NAME, "a name has 1 to 200 letters, digits, and characters of _ . / | -")
  // A path with these would be read as another path.
  .refine((name) => !name.split("/").some((part) => part === "." || part === ".."), {
    message: 'no part of a name may be "." or ".."',
  });

export const secretValue = z
  .string()
  .min(1, "the value is empty")
  .refine((value) => bytesIn(value) <= MAX_SECRET_BYTES, "the value is longer than 64 KiB")
  .superRefine((value, context) => {
    const problem = unstorable(value);
    if (problem) context.addIssue({ code: "custom", message: `the value ${problem}` });
  });

/** What whoever sets it should know; null: nothing. */
export function secretWarning(value: string): string | null {
  const shown = value.replace(/\r?\n$/, "");
  return bytesIn(shown) < MIN_HIDDEN_BYTES
    ? `values shorter than ${MIN_HIDDEN_BYTES} bytes are not hidden in logs`
    : null;
}
