/** Strangers at the workers' door. */
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
export function hostileBytes(random: SeededRandom): Record<string, Buffer> {
  const noise = Buffer.from(Array.from({ length: 4_096 }, () => random.below(256)));
  return {
    noise,
    "a web browser": Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
    "a string without end": Buffer.from([...length(2 ** 40), STRING, ...noise]),
    "a list of too many": Buffer.from([...length(2 ** 31), LIST]),
    "lists in lists": Buffer.from(Array.from({ length: 20_000 }, (_, n) => (n % 2 ? LIST : 1))),
    "a length without end": Buffer.alloc(100_000, 1),
    "half a greeting": Buffer.from([...length(4), STRING, 0x6e, 0x6f]),
    silence: Buffer.alloc(0),
  };
}

/**
 * Everything at once, again and again, each on a connection of its own, until `signal` fires.
 *
 * @returns how many connections were made
 */
export async function besiege(
  port: number,
  random: SeededRandom,
  signal: AbortSignal,
): Promise<number> {
  let made = 0;
  while (!signal.aborted) {
    const attacks = Object.values(hostileBytes(random)).map((bytes) => attack(port, bytes));
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
