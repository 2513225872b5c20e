"use client";

import { useSyncExternalStore } from "react";
import { THEME_KEY } from "./theme-script";

const CHOICES = [
  { value: "light", label: "Light" },
  { value: "dark", label: "Dark" },
  { value: "system", label: "System" },
] as const;

export type ThemeChoice = (typeof CHOICES)[number]["value"];

export function setTheme(choice: ThemeChoice): void {
  try {
    localStorage.setItem(THEME_KEY, choice);
  } catch {
    // Storage is refused: the choice lasts as long as the page.
    document.documentElement.dataset.theme = choice;
  }
  dispatchEvent(new Event("slipway:theme"));
}

function subscribe(changed: () => void): () => void {
  addEventListener("slipway:theme", changed);
  addEventListener("storage", changed);
  return () => {
    removeEventListener("slipway:theme", changed);
    removeEventListener("storage", changed);
  };
}

const current = () => document.documentElement.dataset.themeChoice ?? "system";

/** Light, dark, or as the machine has it; remembered in this browser. */
export function ThemeSwitch() {
  const choice = useSyncExternalStore(subscribe, current, () => "system");
  return (
    <fieldset className="flex rounded-md border border-line-strong p-0.5">
      <legend className="sr-only">Theme</legend>
      {CHOICES.map(({ value, label }) => (
        <button
          key={value}
          type="button"
          aria-pressed={choice === value}
          onClick={() => setTheme(value)}
          className="h-6 flex-1 rounded-sm px-2 text-xs text-muted hover:text-fg aria-pressed:bg-accent-soft aria-pressed:text-accent"
        >
          {label}
        </button>
      ))}
    </fieldset>
  );
}
