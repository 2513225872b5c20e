"use client";

import { useLayoutEffect } from "react";
import { themeScript } from "./theme-script";

/**
 * The theme on a page that React draws in the browser, as Next does for one that answers 404: the
 * script in <head> runs only in pages that come drawn.
 */
export function ThemeBoot() {
  useLayoutEffect(() => {
    if (document.documentElement.dataset.theme) return;
    const script = document.createElement("script");
    script.textContent = themeScript;
    document.head.append(script);
  }, []);
  return null;
}
