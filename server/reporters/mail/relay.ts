/** Which mail server, from what a configuration or the environment says. Pure. */
import type { MailNotifierOptions } from "./schema";
import type { Relay } from "./smtp";

export function relayOf(options: MailNotifierOptions, password: string | null): Relay {
  const { relayhost = "localhost", useSmtps = false, useTls = false, smtpUser } = options;
  return {
    host: relayhost,
    port: options.smtpPort ?? (useSmtps ? 465 : 25),
    tls: useSmtps ? "from-start" : useTls ? "required" : "offered",
    user: smtpUser ?? null,
    password,
  };
}

/** `smtp://user:password@host:port`, or smtps. */
export function relayOfUrl(text: string): Relay {
  const url = new URL(text);
  const isSecure = url.protocol === "smtps:";
  return {
    host: url.hostname.replaceAll(/^\[|\]$/g, ""),
    port: url.port === "" ? (isSecure ? 465 : 25) : Number(url.port),
    tls: isSecure ? "from-start" : "offered",
    user: url.username === "" ? null : decodeURIComponent(url.username),
    password: url.password === "" ? null : decodeURIComponent(url.password),
  };
}
