/**
 * Ports for programs of tests. Below the range from which systems give ports to connections that go
 * out, so that nobody gets one between its choice and its program's start, nor while that program is
 * started again.
 */
import { randomInt } from "node:crypto";
import { createServer } from "node:net";

const RANGE = [11_000, 32_000] as const;

/** Distinct, and free now. */
export async function freePorts(
  count: number,
): Promise<number[] & [number, number, number, number]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = randomInt(...RANGE);
    if (await isFree(port)) ports.add(port);
  }
  return [...ports] as number[] & [number, number, number, number];
}

export async function freePort(): Promise<number> {
  return (await freePorts(1))[0];
}

/** On every address: some programs listen on one, some on all. */
function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer().once("error", () => resolve(false));
    probe.listen(port, () => probe.close(() => resolve(true)));
  });
}
