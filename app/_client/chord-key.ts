"use client";

import { useSyncExternalStore } from "react";

const never = () => () => {};

/** The key that makes a chord with another, as the caps of this keyboard name it. */
export function useChordKey(): "⌘" | "Ctrl" {
  return useSyncExternalStore(
    never,
    () => (/mac|iphone|ipad/i.test(navigator.platform) ? "⌘" : "Ctrl"),
    () => "Ctrl",
  );
}
