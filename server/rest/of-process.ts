import type { WebRuntime } from "../api/runtime";
import { createRest, type Rest } from "./handle";

/** One per process, whatever bundle asks: it remembers organisations and builders. */
const kept = globalThis as { slipwayRest?: Rest };

export function restOf(runtime: WebRuntime): Rest {
  kept.slipwayRest ??= createRest({
    ...runtime,
    onFault: (error) => runtime.log("rest", { error }),
    now: Date.now,
  });
  return kept.slipwayRest;
}
