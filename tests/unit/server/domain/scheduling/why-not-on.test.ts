/**
 * Guarantee: a worker's page says of each waiting request what keeps this worker from it, by the rules
 * that the distributor follows.
 */
import { expect, test } from "vitest";
import {
  blockedBy,
  type Candidate,
  mayTake,
  whyNotOn,
} from "../../../../../server/domain/scheduling";
import { seededRandom } from "../../../../support/seeded-random";

const NOW = Date.parse("2026-11-21T12:00:00Z");
const worker = (given: Partial<Candidate> = {}): Candidate => ({
  workerId: 1 as Candidate["workerId"],
  name: "w1",
  sessionId: 101 as Candidate["sessionId"],
  isPaused: false,
  isDraining: false,
  quarantinedUntil: null,
  maxBuilds: null,
  busySlots: [],
  isPairBusy: false,
  ...given,
});

const LATENT: NonNullable<Candidate["latent"]> = {
  ...{ id: 1, state: "substantiated", isConnected: true, isUsed: false, missingSeconds: 1_200 },
};

test.each<[Partial<Candidate>, number, string | null, string]>([
  [{ isPaused: true }, 0, null, "It is paused."],
  [{ sessionId: null }, 3, null, "It is not connected."],
  [{ quarantinedUntil: NOW + 5_000 }, 0, null, "It is in quarantine until 12:00:05 UTC."],
  [
    { isPairBusy: true },
    0,
    null,
    "It runs a build of this builder, and takes one of each at a time.",
  ],
  [{ maxBuilds: 1, busySlots: [1] }, 0, null, "Its one place is taken."],
  [{ maxBuilds: 2, busySlots: [1, 2] }, 0, null, "All 2 of its places are taken."],
  [
    { busySlots: [1], latent: { ...LATENT, isOutdated: true } },
    0,
    null,
    "It has a machine with other options than this build needs, until that one's builds are over.",
  ],
  [
    { busySlots: [1], isMisfit: true, latent: LATENT },
    0,
    null,
    "It has a machine with other options than this build needs, until that one's builds are over.",
  ],
  // It is replaced: nobody has it.
  [{ isMisfit: true, latent: LATENT }, 0, null, "It is free: the build starts next."],
  [{}, 2, null, "It is free; 2 requests of this builder go first."],
  [{}, 0, null, "It is free: the build starts next."],
  [{ isPaused: true }, 0, "w9", "The request asks for w9."],
  [{}, 0, "w1", "It is free: the build starts next."],
])("%j, %i ahead, chosen %s", (given, ahead, chosen, sentence) => {
  expect(whyNotOn(worker(given), ahead, NOW, chosen)).toBe(sentence);
});

test("it is said to be free exactly when the distributor could choose it", () => {
  const random = seededRandom(11);
  const is = () => random.below(10) < 4;
  for (let round = 0; round < 2_000; round += 1) {
    const one = worker({
      isPaused: is(),
      isDraining: is(),
      isPairBusy: is(),
      sessionId: is() ? null : (5 as Candidate["sessionId"]),
      quarantinedUntil: is() ? NOW + (is() ? 1 : -1) : null,
      maxBuilds: is() ? 1 : null,
      busySlots: is() ? [1] : [],
    });
    const chosen = is() ? (is() ? "w1" : "w2") : null;
    const mayBeChosen = mayTake({ worker: chosen }, one.name) && blockedBy(one, NOW) === null;
    expect(whyNotOn(one, 0, NOW, chosen).startsWith("It is free")).toBe(mayBeChosen);
  }
});
