"use client";

import { useEffect, useState } from "react";
import { useLiveState } from "../_client/live";

const WORDS = {
  live: "Live: this page follows what happens",
  connecting: "Connecting the live channel",
  lost: "The live channel is lost: this page is renewed every 15 s",
} as const;

/** Filled, hollow or struck: the shape says it, not the colour alone. */
export function LiveDot() {
  const state = useLiveState();
  return (
    <span role="img" aria-label={WORDS[state]} title={WORDS[state]} className="px-1">
      <svg aria-hidden="true" width="12" height="12" viewBox="0 0 12 12">
        <circle
          cx="6"
          cy="6"
          r="3.5"
          strokeWidth="1.5"
          stroke={state === "lost" ? "var(--amber)" : "var(--green)"}
          fill={state === "live" ? "var(--green)" : "none"}
        />
        {state === "lost" ? <path d="M2 10 10 2" stroke="var(--amber)" strokeWidth="1.5" /> : null}
      </svg>
    </span>
  );
}

/** Said only when it lasts, so that a page change or a short break does not shout. */
export function LiveBanner() {
  const isLost = useLiveState() === "lost";
  const [isShown, setShown] = useState(false);
  useEffect(() => {
    if (!isLost) {
      setShown(false);
      return;
    }
    const timer = setTimeout(() => setShown(true), 3000);
    return () => clearTimeout(timer);
  }, [isLost]);
  return (
    <div role="status" aria-live="polite">
      {isShown ? (
        <p className="border-b border-line bg-amber-soft px-4 py-1.5 text-amber sm:px-6">
          The live channel is lost. What you see is renewed every 15 seconds until it is back.
        </p>
      ) : null}
    </div>
  );
}
