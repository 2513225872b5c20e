/** What the address of the page of machines asks for. */
export const WHICH = ["live", "unstoppable", "failed", "gone"] as const;
export type Which = (typeof WHICH)[number];

export const WHICH_WORDS: Readonly<Record<Which | "all", string>> = {
  live: "Alive",
  unstoppable: "Cannot be stopped",
  failed: "Never came",
  gone: "Gone",
  all: "All",
};

export interface AskedFor {
  /** Null: all there ever were. */
  readonly which: Which | null;
  readonly workerId: number | null;
  readonly driver: string | null;
}

export function askedFor(query: { get(name: string): string | null }): AskedFor {
  const which = query.get("which") ?? "live";
  const workerId = Number(query.get("worker") ?? "");
  return {
    which: WHICH.find((one) => one === which) ?? (which === "all" ? null : "live"),
    workerId: Number.isSafeInteger(workerId) && workerId > 0 ? workerId : null,
    driver: (query.get("driver") ?? "").slice(0, 100) || null,
  };
}

/** The same for the server. */
export const filterOf = ({ which, workerId, driver }: AskedFor) => ({
  ...(which === null ? {} : { which }),
  ...(workerId === null ? {} : { workerId }),
  ...(driver === null ? {} : { driver }),
});
