import { z } from "zod";
import { rangeOf } from "../domain/addresses";

/**
 * How single environment variables are read. Each field takes the raw text (an empty one counts as
 * absent, because shells and compose files cannot easily unset) and says in its message what it
 * accepts; `readEnv` puts the variable's name before it.
 */

const text = z.preprocess(
  (raw) => (typeof raw === "string" && raw.trim() === "" ? undefined : raw),
  z.string().trim().optional(),
);

export const optionalText = text;

export const textOr = (fallback: string) => text.transform((value) => value ?? fallback);

const NUMBER = /^\d{1,5}$/;

/** A TCP port; `0` only where it means "off". */
export const port = (fallback: number, { zeroIsOff = false } = {}) =>
  text.transform((value, context) => {
    if (value === undefined) return fallback;
    const number = NUMBER.test(value) ? Number(value) : Number.NaN;
    if (number >= (zeroIsOff ? 0 : 1) && number <= 65_535) return number;
    const accepted = zeroIsOff ? "a port from 1 to 65535, or 0 for off" : "a port from 1 to 65535";
    context.addIssue({ code: "custom", message: `must be ${accepted}, not "${value}"` });
    return z.NEVER;
  });

export const seconds = (fallback: number, most: number) =>
  text.transform((value, context) => {
    if (value === undefined) return fallback;
    const number = NUMBER.test(value) ? Number(value) : Number.NaN;
    if (number <= most) return number;
    const message = `must be a number of seconds from 0 to ${most}, not "${value}"`;
    context.addIssue({ code: "custom", message });
    return z.NEVER;
  });

/** `0` or `1`. */
export const flag = (fallback: boolean) =>
  text.transform((value, context) => {
    if (value === undefined) return fallback;
    if (value === "0" || value === "1") return value === "1";
    context.addIssue({ code: "custom", message: `must be 0 or 1, not "${value}"` });
    return z.NEVER;
  });

/** An absolute URL with one of the given schemes. The value is not repeated: it may hold a password. */
export const url = (...schemes: string[]) =>
  text.transform((value, context) => {
    if (value === undefined) return undefined;
    const scheme = URL.canParse(value) ? new URL(value).protocol.slice(0, -1) : null;
    if (scheme !== null && schemes.includes(scheme)) return value;
    const accepted = schemes.map((known) => `${known}:`).join(" or ");
    context.addIssue({ code: "custom", message: `must be a URL starting with ${accepted}` });
    return z.NEVER;
  });

/** IP addresses and ranges, separated by commas or spaces. */
export const ranges = text.transform((value, context) => {
  const all = value?.split(/[\s,]+/).filter(Boolean) ?? [];
  const wrong = all.find((each) => rangeOf(each) === null);
  if (wrong === undefined) return all;
  const message = `must be IP addresses or ranges such as 10.0.0.0/8, not "${wrong}"`;
  context.addIssue({ code: "custom", message });
  return z.NEVER;
});
