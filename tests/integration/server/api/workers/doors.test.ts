/**
 * Guarantee: the page of the doors names the layer that fails, from this server and by the lines for a
 * worker's machine, against real doors with and without TLS; and looking at a door records nobody.
 */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { doorChecks } from "../../../../../app/[org]/workers/checks";
import { authorityIn } from "../../../../../server/api/workers/authority";
import { certificateFacts, doorCertificate } from "../../../../../server/api/workers/certificate";
import { type DoorToProbe, probeDoor } from "../../../../../server/api/workers/door-probe";
import type { Listening } from "../../../../../server/protocols/contract";
import { createMsgpackProtocol } from "../../../../../server/protocols/msgpack";
import { createPbProtocol } from "../../../../../server/protocols/pb";
import { hasOpenssl, type TestCertificate, testCertificate } from "../../../../support/certificate";
import { type TestDoor, testDoor } from "../../../../support/worker-door";

const OPTIONS = { timeoutMs: 2_000, now: Date.now };
const PROTOCOLS = { pb: createPbProtocol(), msgpack: createMsgpackProtocol() } as const;
type Name = keyof typeof PROTOCOLS;

let door: TestDoor;
let listening: Listening[];
let others: Server[];
beforeEach(() => {
  door = testDoor({ passwords: { "linux-1": "PASSWORD" } });
  listening = [];
  others = [];
});
afterEach(async () => {
  for (const one of listening) await one.close();
  for (const one of others) one.close();
});

async function open(name: Name, tls?: { key: string; cert: string }): Promise<number> {
  const options = { host: "127.0.0.1", port: 0, loginTimeoutMs: 30_000, ...(tls ? { tls } : {}) };
  const one = await PROTOCOLS[name].listen(door, options);
  listening.push(one);
  return one.port;
}

const layers = async (given: Partial<DoorToProbe> & Pick<DoorToProbe, "port" | "protocol">) => {
  const steps = await probeDoor(
    { host: "127.0.0.1", isTls: false, fingerprint: null, ...given },
    OPTIONS,
  );
  return { steps, last: steps.at(-1), failed: steps.filter(({ isPassed }) => !isPassed) };
};

test.each(["pb", "msgpack"] as const)(
  "an open %s door is ours, and nobody came",
  async (protocol) => {
    const port = await open(protocol);
    const { steps, failed } = await layers({ protocol, port, host: "localhost" });
    expect(failed).toEqual([]);
    expect(steps.map(({ layer }) => layer)).toEqual(["address", "network", "protocol"]);
    expect(steps.at(-1)?.says).toContain("this is our door");
    for (const one of listening.splice(0)) await one.close();
    expect(door.refusals).toEqual([]);
  },
);

test("no name, nothing that listens, another program, somebody silent", async () => {
  const nowhere = await layers({ protocol: "pb", port: 1, host: "no-such-host.invalid" });
  expect(nowhere.last).toMatchObject({ layer: "address", isPassed: false });
  const port = await open("pb");
  for (const one of listening.splice(0)) await one.close();
  const closed = await layers({ protocol: "pb", port });
  expect(closed.last).toMatchObject({ layer: "network", isPassed: false });
  expect(closed.last?.says).toContain("ECONNREFUSED");
  const other = await speak("220 mail.example.org ESMTP\r\n");
  const mail = await layers({ protocol: "pb", port: other });
  expect(mail.last).toMatchObject({ layer: "protocol", isPassed: false });
  expect(mail.last?.says).toContain("“220 mail.example.org ESMTP”");
  const silent = await speak("");
  const mute = await probeDoor(
    { host: "127.0.0.1", port: silent, protocol: "msgpack", isTls: false, fingerprint: null },
    { ...OPTIONS, timeoutMs: 100 },
  );
  expect(mute.at(-1)).toMatchObject({ layer: "protocol", says: "It says nothing." });
});

test("each protocol's door is told from the other's", async () => {
  const pb = await layers({ protocol: "msgpack", port: await open("pb") });
  expect(pb.last).toMatchObject({ layer: "protocol", isPassed: false });
  const msgpack = await probeDoor(
    {
      host: "127.0.0.1",
      port: await open("msgpack"),
      protocol: "pb",
      isTls: false,
      fingerprint: null,
    },
    { ...OPTIONS, timeoutMs: 100 },
  );
  expect(msgpack.at(-1)).toMatchObject({ layer: "protocol", isPassed: false });
});

function speak(text: string): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer((socket) => {
      socket.on("error", () => {});
      if (text !== "") socket.write(text);
    });
    others.push(server);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      resolve(typeof address === "object" && address ? address.port : 0);
    });
  });
}

describe.skipIf(!hasOpenssl())("with TLS", () => {
  let made: TestCertificate;
  let home: string;
  beforeAll(() => {
    made = testCertificate();
    home = mkdtempSync(join(tmpdir(), "slipway-checks-"));
    mkdirSync(join(home, "slipway-ca"));
    writeFileSync(join(home, "slipway-ca", "ca.pem"), made.ca);
  });
  afterAll(() => {
    made?.remove();
    rmSync(home, { recursive: true, force: true });
  });

  test("the certificate says for whom it is, by whom and until when", async () => {
    const facts = certificateFacts(made.cert, "localhost");
    expect(facts).toMatchObject({
      names: ["localhost"],
      issuer: "CN=Test authority",
      fitsHost: true,
    });
    const days = (facts.validTo - facts.validFrom) / 86_400_000;
    expect(days).toBe(2);
    expect(certificateFacts(made.cert, "127.0.0.1").fitsHost).toBe(false);
    expect(await doorCertificate(join(home, "nothing"), "localhost")).toMatchObject({
      problem: expect.stringContaining("ENOENT"),
    });
    writeFileSync(join(home, "text"), "no certificate");
    expect(await doorCertificate(join(home, "text"), "localhost")).toMatchObject({
      problem: expect.stringContaining("holds no certificate"),
    });
  });

  test.each(["pb", "msgpack"] as const)(
    "%s: the layer TLS passes, or says why not",
    async (protocol) => {
      const port = await open(protocol, made);
      const { fingerprint } = certificateFacts(made.cert, "localhost");
      const known = { protocol, port, isTls: true, host: "localhost", fingerprint };
      const good = await layers(known);
      expect(good.failed).toEqual([]);
      expect(good.steps.map(({ layer }) => layer)).toEqual([
        "address",
        "network",
        "tls",
        "protocol",
      ]);
      const misnamed = await layers({ ...known, host: "127.0.0.1" });
      expect(misnamed.last?.says).toBe("Its certificate is for localhost, and not for 127.0.0.1.");
      const changed = await layers({ ...known, fingerprint: "00:11" });
      expect(changed.last?.says).toContain("Another certificate is shown");
      const later = await probeDoor(
        { ...known, fingerprint },
        { ...OPTIONS, now: () => Date.now() + 3 * 86_400_000 },
      );
      expect(later.at(-1)?.says).toBe("Its certificate has run out.");
      const plain = await open(protocol);
      const untold = await layers({ ...known, port: plain });
      expect(untold.last).toMatchObject({ layer: "tls", isPassed: false });
    },
  );

  const EVERY = (["pb", "msgpack"] as const).flatMap((protocol) =>
    [false, true].map((isTls) => [protocol, isTls] as const),
  );

  test.each(EVERY)(
    "the lines for a worker's machine, %s, TLS %s, say that all is well",
    async (protocol, isTls) => {
      const port = await open(protocol, isTls ? made : undefined);
      const connection = {
        ...{ loginName: "linux-1", host: "localhost", isThisHostOnly: false },
        ...{ pbPort: port, msgpackPort: port },
        tls: isTls ? { ...authorityIn(made.cert), pem: made.ca } : null,
      };
      const seen = new Map<string, string>();
      const checks = doorChecks({ connection, protocol });
      for (const { layer, command } of checks) seen.set(layer, await run(command, home));
      expect(seen.get("Its address")).toMatch(/^(127|::1)/);
      expect(seen.get("A connection")).toMatch(/open|succeeded/);
      expect(seen.has("TLS")).toBe(isTls);
      if (isTls) expect(seen.get("TLS")).toContain("Verification: OK");
      if (protocol === "pb") expect(seen.get("The protocol")).toMatch(/pb.*none/);
      else {
        expect(seen.get("The protocol")).toContain("426 Upgrade Required");
        expect(seen.get("Name and password")).toContain("101 Switching Protocols");
      }
    },
  );

  test("a name that the certificate does not have is told by the line for TLS", async () => {
    const port = await open("pb", made);
    const connection = {
      ...{ loginName: "linux-1", host: "127.0.0.1", isThisHostOnly: false },
      ...{ pbPort: port, msgpackPort: null, tls: { isPublic: false, pem: made.ca } },
    };
    const check = doorChecks({ connection, protocol: "pb" }).find(({ layer }) => layer === "TLS");
    expect(await run(check?.command ?? "", home)).toMatch(/IP address mismatch/);
  });
});

/** What a person at a terminal sees. The door is served by this process, so it must not be held up. */
function run(command: string, home: string): Promise<string> {
  return new Promise((resolve) => {
    const child = spawn("bash", ["-c", command], { env: { ...process.env, HOME: home } });
    let said = "";
    const keep = (chunk: Buffer) => {
      said += chunk.toString("latin1");
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    child.once("close", () => resolve(said));
  });
}
