/**
 * What a mail server took is known, what it refused comes with its words, and none of its tricks holds
 * us up: it is encrypted when that was demanded, and bounded in time.
 */
import { createServer, type Server } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import type { Letter } from "../../../../../server/domain/mail";
import { relayOf, relayOfUrl } from "../../../../../server/reporters/mail/relay";
import type { MailNotifierOptions } from "../../../../../server/reporters/mail/schema";
import { post, type Relay } from "../../../../../server/reporters/mail/smtp";
import { hasOpenssl, testCertificate } from "../../../../support/certificate";
import { header, type MailServer, startMailServer } from "../../../../support/mail-server";

const LETTER: Letter = {
  from: "Slipway <ci@example.org>",
  to: ["a@example.org", "b@example.org"],
  open: ["a@example.org", "b@example.org"],
  subject: "Buildbot worker Größe missing",
  text: "line one\n.\n.. line two with ümlaut\n",
  messageId: "<worker-missing-1-2@ci.example.org>",
  date: new Date(1_700_000_000_000),
};

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (let one = open.pop(); one; one = open.pop()) await one.close();
});
const mailServer = async (...options: Parameters<typeof startMailServer>): Promise<MailServer> => {
  const server = await startMailServer(...options);
  open.push(server);
  return server;
};
const relay = (port: number, more: Partial<Relay> = {}): Relay => ({
  ...{ host: "localhost", port, tls: "offered", user: null, password: null },
  ...more,
});
const send = (to: Relay, letter: Partial<Letter> = {}) =>
  post(to, { ...LETTER, ...letter }, { isForeign: false });

test("a letter arrives whole, in one mail to all", async () => {
  const server = await mailServer();
  const posted = await send(relay(server.port));
  expect(posted).toMatchObject({ accepted: LETTER.to, refused: [] });
  expect(posted.answer).toMatch(/^250 /);
  expect(server.mails).toMatchObject([{ from: "ci@example.org", to: LETTER.to }]);
  const raw = server.mails[0]?.raw ?? "";
  expect(header(raw, "Message-ID")).toEqual([LETTER.messageId]);
  expect(header(raw, "Date")[0]).toMatch(/^Tue, 14 Nov 2023 22:13:20 /);
  expect(header(raw, "Subject")[0]).toMatch(/^=\?UTF-8\?/i);
  expect(raw).toContain("=C3=BC");
});

test("nothing that is put into a text becomes a header or a recipient", async () => {
  const server = await mailServer();
  const evil = "x\r\nBcc: eve@example.org\r\n\r\nbody";
  await send(relay(server.port), {
    subject: evil,
    text: "ok\r\n.\r\nMAIL FROM:<eve@example.org>\r\n",
  });
  const [mail] = server.mails;
  expect(server.mails).toHaveLength(1);
  expect(mail?.to).toEqual(LETTER.to);
  expect(header(mail?.raw ?? "", "Bcc")).toEqual([]);
});

test("refusals of some, and of all, come with the server's words", async () => {
  const server = await mailServer();
  server.refuse = (to) => (to.startsWith("b@") ? { code: 550, text: "5.1.1 no such user" } : null);
  expect(await send(relay(server.port))).toMatchObject({
    accepted: ["a@example.org"],
    refused: [{ recipient: "b@example.org", answer: "550 5.1.1 no such user" }],
  });
  server.refuse = () => ({ code: 451, text: "4.7.1 later" });
  expect(await send(relay(server.port))).toMatchObject({
    accepted: [],
    refused: [{ answer: "451 4.7.1 later" }, { answer: "451 4.7.1 later" }],
  });
});

test("a wrong password is the server's to tell", async () => {
  const server = await mailServer();
  const wrong = send(relay(server.port, { user: "ci", password: "wrong" }));
  await expect(wrong).rejects.toMatchObject({ response: expect.stringContaining("535") });
  await send(relay(server.port, { user: "ci", password: "let me in" }));
  expect(server.mails).toMatchObject([{ user: "ci" }]);
});

test("a server that accepts and says nothing, and one that drips, are left", async () => {
  const limits = { connectMs: 200, silenceMs: 60_000, allMs: 60_000 };
  const silent = await listening(createServer());
  await expect(post(relay(silent), LETTER, { isForeign: false, limits })).rejects.toThrow(
    /greeting/i,
  );
  const dripping = await listening(
    createServer((socket) => {
      socket.on("error", () => {});
      const timer = setInterval(() => socket.write("220-still thinking\r\n"), 50);
      socket.on("close", () => clearInterval(timer));
    }),
  );
  const patient = { connectMs: 60_000, silenceMs: 60_000, allMs: 600 };
  await expect(
    post(relay(dripping), LETTER, { isForeign: false, limits: patient }),
  ).rejects.toThrow("no end after 0.6 s");
});

async function listening(server: Server): Promise<number> {
  const sockets = new Set<{ destroy(): void }>();
  server.on("connection", (socket) => sockets.add(socket));
  open.push({
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(resolve));
    },
  });
  await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
  return (server.address() as { port: number }).port;
}

describe.runIf(hasOpenssl())("encryption", () => {
  const certified = async (secure: boolean) => {
    const certificate = testCertificate();
    open.push({ close: () => certificate.remove() });
    const { key, cert } = certificate;
    return mailServer({ key, cert, secure, disabledCommands: [] });
  };

  test("what was demanded is insisted on, with a certificate that is right", async () => {
    const plain = await mailServer();
    await expect(send(relay(plain.port, { tls: "required" }))).rejects.toThrow(/STARTTLS/);
    const server = await certified(false);
    await expect(send(relay(server.port, { tls: "required" }))).rejects.toThrow(/certificate/);
    const smtps = await certified(true);
    await expect(send(relay(smtps.port, { tls: "from-start" }))).rejects.toThrow(/certificate/);
    expect(plain.mails.length + server.mails.length + smtps.mails.length).toBe(0);
  });

  test("what is offered is taken", async () => {
    const server = await certified(false);
    await send(relay(server.port));
    expect(server.mails).toHaveLength(1);
    expect(server.mails[0]?.isEncrypted).toBe(true);
  });
});

test("a server of our own network is not spoken to for strangers, whatever its name", async () => {
  const server = await mailServer();
  for (const host of ["localhost", "127.0.0.1", "::1", "[::1]"]) {
    await expect(post(relay(server.port, { host }), LETTER, { isForeign: true })).rejects.toThrow(
      "in the server's own network",
    );
  }
  expect(server.connections).toBe(0);
});

test("which server, from a configuration and from an address", () => {
  const options: MailNotifierOptions = {
    ...{ type: "MailNotifier", fromaddr: "a@example.org", builders: [] },
  };
  expect(relayOf({ ...options }, null)).toEqual(relay(25));
  expect(relayOf({ ...options, useSmtps: true, relayhost: "m", smtpUser: "u" }, "p")).toEqual({
    ...{ host: "m", port: 465, tls: "from-start", user: "u", password: "p" },
  });
  expect(relayOf({ ...options, useTls: true, smtpPort: 587 }, null)).toEqual(
    relay(587, { tls: "required" }),
  );
  expect(relayOfUrl("smtp://u%40x:p%2Fw@mail.example.org:2525")).toEqual({
    ...{ host: "mail.example.org", port: 2525, tls: "offered", user: "u@x", password: "p/w" },
  });
  expect(relayOfUrl("smtps://[2001:db8::1]")).toEqual(
    relay(465, { host: "2001:db8::1", tls: "from-start" }),
  );
});
