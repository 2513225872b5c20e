"use client";

import { useSearchParams } from "next/navigation";

/** Changes the query of the address in place: no request, and the back button leaves the page. */
export function replaceQuery(change: (query: URLSearchParams) => void): void {
  writeQuery(change, "replaceState");
}

/** The same as a new entry of the history. */
export function pushQuery(change: (query: URLSearchParams) => void): void {
  writeQuery(change, "pushState");
}

function writeQuery(
  change: (query: URLSearchParams) => void,
  how: "pushState" | "replaceState",
): void {
  const query = new URLSearchParams(location.search);
  change(query);
  const text = query.toString();
  history[how](null, "", text === "" ? location.pathname : `?${text}`);
}

export function setOrDelete(query: URLSearchParams, name: string, value: string | null): void {
  if (value === null || value === "") query.delete(name);
  else query.set(name, value);
}

export const useQueryText = (name: string): string => useSearchParams().get(name) ?? "";
