/**
 * Acts on what is due, and again at the moment when the next is: between two sweeps this process
 * keeps the time itself. When it dies with its timer, the next sweep of any process acts instead.
 */
import { mergeCalls } from "../../events/merge-calls";

export interface Alarm {
  /** Looks now. Never throws. */
  ring(): Promise<void>;
  stop(): void;
}

/** @param look acts on what is due; gives the milliseconds until the next, if that is near */
export function createAlarm(
  look: () => Promise<number | null>,
  onError: (error: unknown) => void,
): Alarm {
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  const ring = mergeCalls(async () => {
    clearTimeout(timer);
    if (isStopped) return;
    const wait = await look();
    if (wait !== null && !isStopped) timer = setTimeout(() => void ring(), Math.max(1, wait));
  }, onError);
  return {
    ring,
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}
