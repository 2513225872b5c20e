/** Settings of ours that are no arguments of Buildbot's `Worker(…)`, by the names they are assigned to. */
export const KEPT = {
  keptOutput: "slipway_kept_output",
  keptTime: "slipway_kept_time",
  giveUpAfter: "slipway_give_up_after",
} as const;
