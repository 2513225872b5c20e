"use client";

import { type RefObject, useRef } from "react";
import { useCommands } from "./commands";

/** Rows of a table are walked with j and k: the link in a row's head takes the focus. */
export function useListKeys(noun: string): RefObject<HTMLTableSectionElement | null> {
  const body = useRef<HTMLTableSectionElement>(null);
  const walk = (by: 1 | -1) => {
    const rows = [...(body.current?.rows ?? [])];
    const here = document.activeElement?.closest("tr");
    const at = rows.indexOf(here as HTMLTableRowElement);
    const next = rows[at < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, at + by))];
    next?.querySelector<HTMLElement>("th a")?.focus();
  };
  useCommands([
    { id: "row-next", label: `Next ${noun}`, keys: "j", group: "List", run: () => walk(1) },
    {
      id: "row-before",
      label: `The ${noun} before`,
      keys: "k",
      group: "List",
      run: () => walk(-1),
    },
  ]);
  return body;
}
