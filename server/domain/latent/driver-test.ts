/**
 * A test of a driver's settings: what a machine needs, one stage after another. A driver that cannot
 * tell two of them apart has them as one, and says so.
 */
export const TEST_STAGES = ["reach", "authenticate", "find", "start", "login", "stop"] as const;
export type TestStage = (typeof TEST_STAGES)[number];

/** `skipped`: it did not come to that. */
export type StageState = "pending" | "running" | "passed" | "failed" | "skipped";

export interface StageReport {
  readonly covers: readonly TestStage[];
  readonly state: StageState;
  /** Milliseconds since the epoch. */
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  /** The provider's words, or ours of what was found. */
  readonly says: string | null;
  readonly advice: string | null;
}

export type TestOutcome = "passed" | "failed" | "cancelled";

/** What is looked at before a machine is made, where the driver can. */
export type ProbeStage = Extract<TestStage, "reach" | "authenticate" | "find">;

/**
 * @param probes what each look of the driver covers; null: it cannot look, so that its list of
 * machines has to show that it is reached and lets us in
 */
export function plannedStages(probes: readonly (readonly ProbeStage[])[] | null): StageReport[] {
  const early: readonly (readonly TestStage[])[] = probes ?? [["reach", "authenticate"]];
  const isFound = early.flat().includes("find");
  const making: readonly TestStage[] = isFound ? ["start"] : ["find", "start"];
  return [...early, making, ["login"] as const, ["stop"] as const].map(pending);
}

const pending = (covers: readonly TestStage[]): StageReport => ({
  covers,
  state: "pending",
  startedAt: null,
  endedAt: null,
  says: null,
  advice: null,
});
