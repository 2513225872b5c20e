"use client";

import { useEffect } from "react";
import { buildState, faviconOf, look } from "@/app/_features/status";
import type { BuildPage } from "@/server/api/builds/one";

/** The tab's title and icon carry the build's state, also while nobody looks. */
export function TabSign(props: { build: BuildPage }) {
  const { build } = props;
  const state = buildState(build);
  useEffect(() => {
    const link = document.createElement("link");
    link.rel = "icon";
    link.href = faviconOf(state);
    const others = [...document.head.querySelectorAll<HTMLLinkElement>("link[rel~=icon]")];
    for (const other of others) other.disabled = true;
    document.head.append(link);
    return () => {
      link.remove();
      for (const other of others) other.disabled = false;
    };
  }, [state]);
  return <title>{`${look(state).word}: ${build.builder} #${build.number} · Slipway`}</title>;
}
