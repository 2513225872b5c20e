/**
 * Hands a letter to a mail server. Whatever the server says comes back in its own words; only what it
 * took counts as accepted. Bounded in time, however slowly the server drips.
 */
import { lookup } from "node:dns/promises";
import { createTransport } from "nodemailer";
import { isPrivateAddress } from "../../domain/git";
import type { Letter, Posted } from "../../domain/mail";

export interface Relay {
  readonly host: string;
  readonly port: number;
  /** from-start: SMTPS; required: STARTTLS or nothing; offered: encrypted if the server can. */
  readonly tls: "from-start" | "required" | "offered";
  readonly user: string | null;
  readonly password: string | null;
}

export interface PostOptions {
  /** The server must not be in our own network. */
  readonly isForeign: boolean;
  readonly limits?: {
    readonly connectMs: number;
    readonly silenceMs: number;
    readonly allMs: number;
  };
}

/** Shorter, all together, than a claim of a mail lasts. */
const LIMITS = { connectMs: 15_000, silenceMs: 30_000, allMs: 90_000 };

/** @throws Error in a person's words when the server could not be asked, or refused all */
export async function post(relay: Relay, letter: Letter, options: PostOptions): Promise<Posted> {
  const { connectMs, silenceMs, allMs } = options.limits ?? LIMITS;
  const { host, port, tls, user, password } = relay;
  const transport = createTransport({
    host: options.isForeign ? await publicAddress(host) : host,
    port,
    secure: tls === "from-start",
    requireTLS: tls === "required",
    tls: { servername: host, rejectUnauthorized: tls !== "offered" },
    ...(user !== null ? { auth: { user, pass: password ?? "" } } : {}),
    connectionTimeout: connectMs,
    greetingTimeout: connectMs,
    dnsTimeout: connectMs,
    socketTimeout: silenceMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      transport.close();
      reject(new Error(`no end after ${allMs / 1000} s`));
    }, allMs);
  });
  try {
    const { from, to, open, subject, text, messageId, date } = letter;
    const sent = await Promise.race([
      transport.sendMail({
        from,
        to: [...to],
        envelope: { from: addressIn(from), to: [...open] },
        subject,
        text,
        messageId,
        date,
        headers: { "Auto-Submitted": "auto-generated" },
      }),
      tooLong,
    ]);
    return {
      accepted: sent.accepted.map(asText),
      refused: refusals(sent),
      answer: sent.response,
    };
  } catch (error) {
    const refused = refusals(error);
    if (refused.length > 0) return { accepted: [], refused, answer: "" };
    throw error;
  } finally {
    clearTimeout(timer);
    transport.close();
  }
}

interface Refusals {
  readonly rejected?: readonly (string | { readonly address: string })[];
  readonly rejectedErrors?: readonly {
    readonly recipient?: string;
    readonly response?: string;
    readonly message: string;
  }[];
}

function refusals(from: unknown): Posted["refused"] {
  const { rejected = [], rejectedErrors = [] } = from as Refusals;
  return rejected.map((each) => {
    const recipient = asText(each);
    const why = rejectedErrors.find((error) => error.recipient === recipient);
    return { recipient, answer: why?.response ?? why?.message ?? "refused" };
  });
}

const asText = (address: string | { readonly address: string }) =>
  typeof address === "string" ? address : address.address;

const addressIn = (sender: string) => /<([^<>]*)>$/.exec(sender)?.[1] ?? sender;

/** The name is looked up here, once, so that nothing else is connected to than what was looked at. */
async function publicAddress(host: string): Promise<string> {
  const addresses = await lookup(host.replaceAll(/^\[|\]$/g, ""), { all: true });
  const hidden = addresses.find(({ address }) => isPrivateAddress(address));
  const [first] = addresses;
  if (hidden || !first) {
    throw new Error(
      `${host} is in the server's own network, which this installation lends to nobody`,
    );
  }
  return first.address;
}
