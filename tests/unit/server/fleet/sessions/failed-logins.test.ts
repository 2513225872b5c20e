// Guarantee: guessing names and passwords becomes slow, at bounded memory, and keeps nobody out who is
// right: neither the thousand workers behind the guesser's address, nor for long the guesser.
import { beforeEach, expect, it } from "vitest";
import { FailedLogins } from "../../../../../server/fleet/sessions/failed-logins";

const NAT = "203.0.113.7";
let now: number;
let logins: FailedLogins;

beforeEach(() => {
  now = 1_000_000;
  logins = new FailedLogins(() => now);
});

/** Tries once, as the doors do. */
function tries(address: string, name: string, isRight: boolean): "in" | "out" | "not looked at" {
  if (logins.problem(address, name) !== null) return "not looked at";
  if (isRight) logins.succeeded(address, name);
  else logins.failed(address, name);
  return isRight ? "in" : "out";
}

const outcomes = (count: number, attempt: (n: number) => string) => {
  const counts: Record<string, number> = {};
  for (let n = 0; n < count; n++) {
    const outcome = attempt(n);
    counts[outcome] = (counts[outcome] ?? 0) + 1;
  }
  return counts;
};

it("a thousand workers behind one address come in at once, again and again", () => {
  for (let round = 0; round < 20; round++) {
    expect(outcomes(1_000, (n) => tries(NAT, `w${n}`, true))).toEqual({ in: 1_000 });
  }
});

it("one name is tried ten times a minute, from one address", () => {
  expect(outcomes(1_000, () => tries(NAT, "w1", false))).toEqual({ out: 10, "not looked at": 990 });
  expect(tries(NAT, "w2", true)).toBe("in");
  expect(tries("203.0.113.8", "w1", true)).toBe("in");
  now += 60_000;
  expect(outcomes(1_000, () => tries(NAT, "w1", false)).out).toBe(10);
});

it("a worker whose password was put right comes in within seconds", () => {
  outcomes(1_000, () => tries(NAT, "w1", false));
  expect(tries(NAT, "w1", true)).toBe("not looked at");
  now += 7_000;
  expect(tries(NAT, "w1", true)).toBe("in");
  expect(outcomes(20, () => tries(NAT, "w1", false)).out).toBe(10);
});

it("names are guessed at three hundred a minute; who was in before comes in all the same", () => {
  expect(tries(NAT, "before", true)).toBe("in");
  const guesses = outcomes(5_000, (n) => tries(NAT, `guess${n}`, false));
  expect(guesses).toEqual({ out: 300, "not looked at": 4_700 });
  expect(tries(NAT, "before", true)).toBe("in");
  expect(tries(NAT, "new", true)).toBe("not looked at");
  expect(tries("198.51.100.1", "new", true)).toBe("in");
  now += 1_000;
  expect(tries(NAT, "new", true)).toBe("in");
});

it("the many addresses of one IPv6 subscriber are one", () => {
  const guesses = outcomes(1_000, (n) => tries(`2001:db8::${n.toString(16)}`, "w1", false));
  expect(guesses.out).toBe(10);
  expect(tries("2001:db8:0:1::1", "w1", true)).toBe("in");
});

it("remembers no more than it may", () => {
  logins = new FailedLogins(() => now, { perName: 10, perAddress: 300, maxRemembered: 50 });
  for (let n = 0; n < 5_000; n++) {
    logins.failed(`10.0.${n >> 8}.${n & 255}`, "x".repeat(1_024));
    logins.succeeded(`10.1.${n >> 8}.${n & 255}`, "y");
  }
  expect(logins.size).toBe(100);
});
