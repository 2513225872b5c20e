"use client";

import { useEffect, useState } from "react";

/** A module that is fetched when the page is shown; null until it is here. */
export function useModule<T>(load: () => Promise<T>): T | null {
  const [module, setModule] = useState<T | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a module is loaded once
  useEffect(() => {
    let isShown = true;
    void load().then((loaded) => {
      if (isShown) setModule(() => loaded);
    });
    return () => {
      isShown = false;
    };
  }, []);
  return module;
}
