/** The parts of a worker's page, as its address names them. */
export const PARTS = ["overview", "builds", "history", "connection"] as const;
export type Part = (typeof PARTS)[number];

export const partOf = (text: string | null | undefined): Part =>
  PARTS.find((part) => part === text) ?? "overview";
