"use client";

import { duration } from "../../_client/format";
import { Duration } from "../../_ui/time";

/** `0.42 EUR`; what has no price has no cost. */
export function cost(amount: number | null, currency: string | null): string {
  if (amount === null) return "price not known";
  const digits = amount !== 0 && amount < 1 ? 4 : 2;
  return `${amount.toFixed(digits)}${currency ? ` ${currency}` : ""}`;
}

export const hours = (seconds: number): string => duration(seconds * 1_000);

/** From the wish for it to its end, or until now. */
export function MachineAge(props: { createdAt: number; goneAt: number | null }) {
  return <Duration from={props.createdAt} to={props.goneAt} />;
}
