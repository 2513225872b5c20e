// Guarantee: connections before the door are attended to in order and within limits, wait while there
// are too many, and are turned away only when the line is too long or too slow; whoever waits from one
// address does not hold up another.
import { expect, it, vi } from "vitest";
import { Strangers } from "../../../../server/protocols/strangers";

const LIMITS = {
  maxStrangers: 3,
  maxStrangersPerAddress: 2,
  maxWaiting: 3,
  maxWaitingPerAddress: 2,
};

function line(patienceMs = 60_000) {
  const strangers = new Strangers(LIMITS, patienceMs);
  const told: string[] = [];
  const arrive = (name: string, address = "a") =>
    strangers.arrive({
      address,
      attend: () => told.push(`attend ${name}`),
      turnAway: () => told.push(`turn ${name} away`),
    });
  /** What happened since it was asked last. */
  const news = () => told.splice(0);
  return { strangers, arrive, news };
}

it("attends to a few at once, lets the next wait, and the one after them go", () => {
  const { strangers, arrive, news } = line();
  for (const name of ["1", "2", "3", "4", "5"]) arrive(name);
  expect(news()).toEqual(["attend 1", "attend 2", "turn 5 away"]);
  strangers.leave("a");
  expect(news()).toEqual(["attend 3"]);
  strangers.leave("a");
  strangers.leave("a");
  expect(news()).toEqual(["attend 4"]);
});

it("does not let the line of one address hold up another", () => {
  const { strangers, arrive, news } = line();
  for (const name of ["1", "2", "3"]) arrive(name);
  arrive("x", "b");
  expect(news()).toEqual(["attend 1", "attend 2", "attend x"]);
  // No room for anybody now; the one that leaves is of the other address.
  arrive("y", "b");
  strangers.leave("b");
  expect(news()).toEqual(["attend y"]);
});

it("forgets who went while waiting", () => {
  const { strangers, arrive, news } = line();
  arrive("1");
  arrive("2");
  const stepOut = arrive("3");
  arrive("4");
  stepOut();
  strangers.leave("a");
  expect(news()).toEqual(["attend 1", "attend 2", "attend 4"]);
});

it("turns away who waited too long", () => {
  vi.useFakeTimers();
  try {
    const { strangers, arrive, news } = line(1_000);
    for (const name of ["1", "2", "3"]) arrive(name);
    news();
    vi.advanceTimersByTime(1_000);
    expect(news()).toEqual(["turn 3 away"]);
    strangers.leave("a");
    expect(news()).toEqual([]);
  } finally {
    vi.useRealTimers();
  }
});
