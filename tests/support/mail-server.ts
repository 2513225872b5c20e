/** A real SMTP server on a port of its own, which refuses, stalls and hangs up when it is told to. */
import { text } from "node:stream/consumers";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";

export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  readonly user: string | null;
  readonly isEncrypted: boolean;
  /** As it came: headers, an empty line, the body. */
  readonly raw: string;
}

export interface MailServer {
  readonly port: number;
  readonly mails: ReceivedMail[];
  /** What it says to a recipient; null: he is welcome. */
  refuse: (recipient: string) => { readonly code: number; readonly text: string } | null;
  /** Called when a mail is there; what it throws is said in place of 250. */
  beforeAnswer: (mail: ReceivedMail) => Promise<void> | void;
  /** Connections that it has seen. */
  connections: number;
  close(): Promise<void>;
}

export async function startMailServer(options: SMTPServerOptions = {}): Promise<MailServer> {
  const server = new SMTPServer({
    authOptional: true,
    disableReverseLookup: true,
    disabledCommands: ["STARTTLS"],
    allowInsecureAuth: true,
    onConnect(_session, done) {
      made.connections += 1;
      done();
    },
    onAuth: ({ username, password }, _session, done) =>
      password === "let me in" ? done(null, { user: username }) : done(said(535, "wrong password")),
    onRcptTo({ address }, _session, done) {
      const refusal = made.refuse(address);
      done(refusal ? said(refusal.code, refusal.text) : null);
    },
    onData(stream, session, done) {
      text(stream)
        .then(async (raw) => {
          const { mailFrom, rcptTo } = session.envelope;
          const mail: ReceivedMail = {
            from: mailFrom ? mailFrom.address : "",
            to: rcptTo.map(({ address }) => address),
            user: session.user ? String(session.user) : null,
            isEncrypted: session.secure,
            raw,
          };
          made.mails.push(mail);
          await made.beforeAnswer(mail);
        })
        .then(() => done(), done);
    },
    ...options,
  });
  server.on("error", () => {});
  const made: MailServer = {
    port: 0,
    mails: [],
    refuse: () => null,
    beforeAnswer: () => {},
    connections: 0,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.server.address();
  return Object.assign(made, { port: typeof address === "object" ? (address?.port ?? 0) : 0 });
}

export function said(code: number, message: string): Error {
  return Object.assign(new Error(message), { responseCode: code });
}

/** The values of a header, unfolded. */
export function header(raw: string, name: string): string[] {
  const [head = ""] = raw.split(/\r?\n\r?\n/);
  return head
    .replaceAll(/\r?\n[ \t]+/g, " ")
    .split(/\r?\n/)
    .filter((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}:`))
    .map((line) => line.slice(name.length + 1).trim());
}
