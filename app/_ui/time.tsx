"use client";

import { useEffect, useState, useSyncExternalStore } from "react";
import { clock, duration, exact, relative } from "../_client/format";

/** One clock for the page: everything that ticks ticks together. */
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;
let tick = 0;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    if (document.hidden) return;
    tick = Date.now();
    for (const each of listeners) each();
  }, 1000);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

const never = () => () => {};

/** Milliseconds since the epoch, renewed each second; 0 until the page runs in the browser. */
export function useNow(isTicking = true): number {
  const [mounted, setMounted] = useState(0);
  useEffect(() => setMounted(Date.now()), []);
  const now = useSyncExternalStore(
    isTicking ? subscribe : never,
    () => tick,
    () => 0,
  );
  return mounted === 0 ? 0 : Math.max(now, mounted);
}

/** How long something took, or has taken so far: a finished one never changes. */
export function Duration(props: { from: number | null; to: number | null }) {
  const now = useNow(props.to === null && props.from !== null);
  if (props.from === null) return <span className="text-faint">–</span>;
  const end = props.to ?? now;
  return (
    <span
      className="whitespace-nowrap"
      title={`${((end - props.from) / 1000).toFixed(1)} s`}
      suppressHydrationWarning
    >
      {end === 0 ? "…" : duration(end - props.from)}
    </span>
  );
}

/** "5 min ago", exact on hover. Rendered in the reader's locale, so only in the browser. */
export function Ago(props: { at: number | null; never?: string }) {
  const now = useNow();
  if (props.at === null) return <span className="text-faint">{props.never ?? "never"}</span>;
  return (
    <time
      dateTime={new Date(props.at).toISOString()}
      title={now === 0 ? undefined : exact(props.at)}
      className="whitespace-nowrap"
      suppressHydrationWarning
    >
      {now === 0 ? "…" : relative(props.at, now)}
    </time>
  );
}

/** The exact moment, written out. */
export function Moment(props: { at: number }) {
  const now = useNow(false);
  return (
    <time
      dateTime={new Date(props.at).toISOString()}
      className="whitespace-nowrap"
      suppressHydrationWarning
    >
      {now === 0 ? "…" : exact(props.at)}
    </time>
  );
}

/** The time of day to the second; the whole date on hover. */
export function Clock(props: { at: number }) {
  const now = useNow(false);
  return (
    <time
      dateTime={new Date(props.at).toISOString()}
      title={now === 0 ? undefined : exact(props.at)}
      className="whitespace-nowrap"
      suppressHydrationWarning
    >
      {now === 0 ? "…" : clock(props.at)}
    </time>
  );
}

/** "in 4 min 05 s", counted down by the second; exact on hover. */
export function Countdown(props: { to: number }) {
  const now = useNow();
  const left = Math.max(0, props.to - now);
  return (
    <time
      dateTime={new Date(props.to).toISOString()}
      title={now === 0 ? undefined : exact(props.to)}
      className="whitespace-nowrap"
      suppressHydrationWarning
    >
      {now === 0 ? "…" : left === 0 ? "any moment" : `in ${duration(left)}`}
    </time>
  );
}
