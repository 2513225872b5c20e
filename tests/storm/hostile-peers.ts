/** Strangers at the workers' doors. */
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { SeededRandom } from "../support/seeded-random";

/** Perspective Broker's type bytes stand behind a length in base 128 (protocol §2.1). */
const LIST = 0x80;
const STRING = 0x82;
const length = (value: number) => {
  const digits: number[] = [];
  for (let rest = value; digits.length === 0 || rest > 0; rest = Math.floor(rest / 128)) {
    digits.push(rest % 128);
  }
  return digits;
};

/** What a stranger may say, by its name. */
export type Words = Record<string, Buffer>;

/** At the door for Perspective Broker. */
export function pbWords(random: SeededRandom): Words {
  const noise = noiseOf(random);
  return {
    noise,
    "a web browser": Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
    "a string without end": Buffer.from([...length(2 ** 40), STRING, ...noise]),
    "a list of too many": Buffer.from([...length(2 ** 31), LIST]),
    "lists in lists": Buffer.from(Array.from({ length: 20_000 }, (_, n) => (n % 2 ? LIST : 1))),
    "a length without end": Buffer.alloc(100_000, 1),
    "half a greeting": Buffer.from([...length(4), STRING, 0x6e, 0x6f]),
    "a proxy's word": Buffer.from("PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n"),
    silence: Buffer.alloc(0),
  };
}

/** At the door for msgpack. What stands behind a handshake comes before it is answered. */
export function msgpackWords(random: SeededRandom): Words {
  const noise = noiseOf(random);
  const handshake = (login: string | null, ...more: string[]) => {
    const basic = Buffer.from(login ?? "").toString("base64");
    const lines = [
      ...["GET / HTTP/1.1", "Host: x", "Upgrade: websocket", "Connection: Upgrade"],
      ...["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: XOL4tFqAoZAEwDGGsR77jA=="],
      ...(login === null ? [] : [`Authorization: Basic ${basic}`]),
      ...more,
    ];
    return Buffer.from(`${lines.join("\r\n")}\r\n\r\n`);
  };
  return {
    noise,
    "a web browser": Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
    "a worker of the other kind": Buffer.from([...length(2), STRING, 0x70, 0x62]),
    "an unknown name": handshake(`nobody-${random.below(1_000)}:pass`),
    "a known name": handshake(`s1:wrong-${random.below(1_000)}`),
    "a name that is none": handshake("\0\u202e:\0"),
    "no name": handshake(null),
    "a header without end": handshake("s1:wrong", `X-Long: ${"x".repeat(20_000)}`),
    "a request without end": Buffer.from(`GET /${"x".repeat(100_000)}`),
    "half a handshake": handshake("s1:wrong").subarray(0, 150),
    "frames before they are asked for": Buffer.concat([handshake("s1:wrong"), noise]),
    "two handshakes": Buffer.concat([handshake("s1:wrong"), handshake("s2:wrong")]),
    silence: Buffer.alloc(0),
  };
}

const noiseOf = (random: SeededRandom) =>
  Buffer.from(Array.from({ length: 4_096 }, () => random.below(256)));

/**
 * Everything at once, again and again, each on a connection of its own, until `signal` fires.
 *
 * @returns how many connections were made
 */
export async function besiege(
  port: number,
  wordsOf: (random: SeededRandom) => Words,
  random: SeededRandom,
  signal: AbortSignal,
): Promise<number> {
  let made = 0;
  while (!signal.aborted) {
    const attacks = Object.values(wordsOf(random)).map((bytes) => attack(port, bytes));
    made += attacks.length;
    await Promise.all(attacks);
    await sleep(20);
  }
  return made;
}

/** Settles when the door hung up, or after a moment when it still waits politely. */
function attack(port: number, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    socket.on("close", () => resolve());
    socket.on("data", () => {});
    socket.write(bytes);
    socket.setTimeout(500, () => socket.destroy());
  });
}
