/**
 * Looks at one of the doors as a worker would, from this server: its address, a connection, TLS, and
 * whether it is the protocol of ours that answers. It says no name, so the door records nobody.
 */
import { lookup } from "node:dns/promises";
import { connect, isIP, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { PROBE_HEADER, type ProbeLayer, type ProbeStep } from "../../domain/workers/probe";
import { type CertificateFacts, certificateFacts } from "./certificate";

export interface DoorToProbe {
  readonly protocol: "pb" | "msgpack";
  readonly host: string;
  readonly port: number;
  readonly isTls: boolean;
  /** Of the certificate that the door was given, when it is known here. */
  readonly fingerprint: string | null;
}

export interface ProbeOptions {
  /** For each layer. */
  readonly timeoutMs: number;
  readonly now: () => number;
}

/** Ends the walk through the layers: this one failed. */
class LayerFailed extends Error {
  constructor(
    readonly says: string,
    readonly advice: string,
  ) {
    super(says);
  }
}

/** The layers that were reached, the failing one last. Never rejects. */
export async function probeDoor(door: DoorToProbe, options: ProbeOptions): Promise<ProbeStep[]> {
  const steps: ProbeStep[] = [];
  const { host, port } = door;
  let socket: Socket | undefined;
  let stream: Duplex | undefined;
  const layers: [ProbeLayer, () => Promise<string>][] = [
    ["address", () => resolveHost(host)],
    [
      "network",
      async () => {
        socket = await reach(host, port, options.timeoutMs);
        stream = socket;
        return `A connection to port ${port} was accepted.`;
      },
    ],
  ];
  if (door.isTls) {
    layers.push([
      "tls",
      async () => {
        const secured = await encrypt(socket as Socket, door, options.timeoutMs);
        stream = secured;
        return lookAtCertificate(secured, door, options.now());
      },
    ]);
  }
  layers.push(["protocol", () => greet(stream as Duplex, door, options.timeoutMs)]);
  try {
    for (const [layer, look] of layers) {
      try {
        steps.push({ layer, isPassed: true, says: await look(), advice: null });
      } catch (error) {
        const known = error instanceof LayerFailed ? error : null;
        steps.push({
          layer,
          isPassed: false,
          says: known?.says ?? `It failed: ${(error as Error).message}`,
          advice: known?.advice ?? "Look at the log of this installation's socket process.",
        });
        break;
      }
    }
  } finally {
    stream?.destroy();
    socket?.destroy();
  }
  return steps;
}

async function resolveHost(host: string): Promise<string> {
  if (isIP(host)) return `${host} is an address, no name has to be looked up.`;
  try {
    const found = await lookup(host, { all: true });
    return `${host} is ${found.map(({ address }) => address).join(" and ")}, as this server sees it.`;
  } catch (error) {
    throw new LayerFailed(
      `No address is known for ${host} (${(error as NodeJS.ErrnoException).code}).`,
      "Give the name to DNS, or name another host in SLIPWAY_WORKER_ADVERTISE. Workers elsewhere may see another address: try the first command below there.",
    );
  }
}

const NETWORK_FAILURES: Readonly<Record<string, readonly [says: string, advice: string]>> = {
  ECONNREFUSED: [
    "Nothing listens there.",
    "Is the socket process running, and does SLIPWAY_WORKER_BIND cover this address? A door that listens on 127.0.0.1 is not reached by any other address of its host.",
  ],
  ETIMEDOUT: [
    "No answer came.",
    "Packets are dropped on the way: a firewall, or an address that is not this host's.",
  ],
  EHOSTUNREACH: ["There is no way to this host.", "Look at routes, and whether the host is on."],
  ENETUNREACH: ["There is no way to this network.", "Look at routes and at the address itself."],
};

function reach(host: string, port: number, timeoutMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout: timeoutMs });
    const fail = (code: string) => {
      socket.destroy();
      const [says, advice] = NETWORK_FAILURES[code] ?? [`No connection: ${code}.`, ""];
      reject(new LayerFailed(`${says} (${code}, port ${port})`, advice));
    };
    socket.once("timeout", () => fail("ETIMEDOUT"));
    socket.once("error", (error: NodeJS.ErrnoException) => fail(error.code ?? error.message));
    socket.once("connect", () => {
      socket.setTimeout(0);
      socket.removeAllListeners("timeout").removeAllListeners("error");
      // Whatever happens to it later is told by who reads from it.
      socket.on("error", () => {});
      resolve(socket);
    });
  });
}

function encrypt(socket: Socket, { host }: DoorToProbe, timeoutMs: number): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const fail = (why: string) =>
      reject(
        new LayerFailed(
          `No TLS could be agreed: ${why}.`,
          "The door was given a certificate, so it speaks TLS: something between answers in its place, or the socket process runs with other settings than this one.",
        ),
      );
    const timer = setTimeout(() => fail("no answer came"), timeoutMs);
    const secured = connectTls({
      socket,
      ...(isIP(host) ? {} : { servername: host }),
      // What is wrong with the certificate is said in words below; nothing secret is sent.
      rejectUnauthorized: false,
    });
    secured.on("error", (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      fail(error.code ?? error.message);
    });
    secured.once("secureConnect", () => {
      clearTimeout(timer);
      resolve(secured);
    });
  });
}

function lookAtCertificate(socket: TLSSocket, door: DoorToProbe, now: number): string {
  const shown = socket.getPeerCertificate().raw;
  const facts: CertificateFacts = certificateFacts(shown, door.host);
  const names = facts.names.join(", ") || facts.subject;
  if (door.fingerprint !== null && facts.fingerprint !== door.fingerprint) {
    throw new LayerFailed(
      `Another certificate is shown than the one in SLIPWAY_TLS_CERT: it is for ${names}.`,
      "Something between ends TLS (a load balancer, say), or the socket process has not been started again since the file changed.",
    );
  }
  if (facts.validTo <= now || facts.validFrom > now) {
    throw new LayerFailed(
      facts.validTo <= now ? "Its certificate has run out." : "Its certificate is not valid yet.",
      "Give the installation a new one with SLIPWAY_TLS_CERT and SLIPWAY_TLS_KEY, and start it again. Is this host's clock right?",
    );
  }
  if (!facts.fitsHost) {
    throw new LayerFailed(
      `Its certificate is for ${names}, and not for ${door.host}.`,
      "Workers that check it turn away. Make one with this name, or name a host that is in it in SLIPWAY_WORKER_ADVERTISE.",
    );
  }
  return `The certificate for ${names} was shown, and fits.`;
}

/** Banana's list of the dialects that the door offers begins with these. */
const OFFERS_PB = Buffer.from("\u0002\u0082pb", "latin1");
const ANSWER = 1024;

async function greet(stream: Duplex, door: DoorToProbe, timeoutMs: number): Promise<string> {
  if (door.protocol === "msgpack") {
    const host = door.host.includes(":") ? `[${door.host}]` : door.host;
    stream.write(`GET / HTTP/1.1\r\nHost: ${host}:${door.port}\r\n${PROBE_HEADER}: 1\r\n\r\n`);
  }
  const heard = await listen(stream, door, timeoutMs);
  const isOurs =
    door.protocol === "pb"
      ? heard.includes(OFFERS_PB)
      : /^HTTP\/1\.1 426 /.test(heard.toString("latin1"));
  if (!isOurs) {
    const words = heard
      .toString("latin1")
      .split("\r\n", 1)[0]
      ?.replace(/[^ -~]/g, "·")
      .slice(0, 60);
    throw new LayerFailed(
      heard.length === 0 ? "It says nothing." : `Something else answers there: it says “${words}”.`,
      "Another program has this port, or something between answers in the door's place.",
    );
  }
  // A peer that has chosen the dialect and leaves is nobody whom the door would tell of.
  if (door.protocol === "pb") await new Promise<void>((done) => stream.end(OFFERS_PB, done));
  return door.protocol === "pb"
    ? "Perspective Broker answers: this is our door."
    : "The msgpack door answers: this is our door.";
}

/** What comes until it can be told whose it is. */
function listen(stream: Duplex, door: DoorToProbe, timeoutMs: number): Promise<Buffer> {
  return new Promise((resolve) => {
    let heard = Buffer.alloc(0);
    const done = () => {
      clearTimeout(timer);
      stream.off("data", onData);
      resolve(heard);
    };
    const timer = setTimeout(done, timeoutMs);
    const onData = (chunk: Buffer) => {
      heard = Buffer.concat([heard, chunk]);
      const isClear = door.protocol === "pb" ? heard.includes(OFFERS_PB) : heard.includes("\r\n");
      if (isClear || heard.length >= ANSWER) done();
    };
    stream.on("data", onData);
    stream.once("close", done);
    stream.once("end", done);
  });
}
