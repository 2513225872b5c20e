"use client";

import {
  createContext,
  type ReactNode,
  useContext,
  useEffect,
  useRef,
  useState,
  useSyncExternalStore,
} from "react";
import { type Command, isWriting, matchKeys, type Pressed } from "./shortcuts";

/**
 * Where commands come from: what is nearer to the reader takes a key over, so that Escape leaves a
 * feature's full screen before it leaves the page.
 */
export const LAYER = { shell: 0, page: 1, feature: 2 } as const;
type Layer = (typeof LAYER)[keyof typeof LAYER];

interface Registry {
  add(source: () => readonly Command[], layer: Layer): () => void;
  /** The nearest layer first, and in it what came last. */
  all(): Command[];
}

function makeRegistry(): Registry {
  const sources = new Map<() => readonly Command[], Layer>();
  return {
    add(source, layer) {
      sources.set(source, layer);
      return () => sources.delete(source);
    },
    all: () =>
      [...sources]
        .reverse()
        .sort(([, a], [, b]) => b - a)
        .flatMap(([source]) => source()),
  };
}

const RegistryContext = createContext<Registry>(makeRegistry());

export const useRegistry = () => useContext(RegistryContext);

/** Commands that exist while the calling component is on the page. */
export function useCommands(commands: readonly Command[], layer: Layer = LAYER.feature): void {
  const registry = useRegistry();
  const newest = useRef(commands);
  newest.current = commands;
  useEffect(() => registry.add(() => newest.current, layer), [registry, layer]);
}

const KEYS_OFF = "slipway.keys-off";

function subscribe(changed: () => void): () => void {
  addEventListener("slipway:keys", changed);
  return () => removeEventListener("slipway:keys", changed);
}

/** Single keys can be switched off (WCAG 2.1.4). */
export function useSingleKeys(): [isOn: boolean, set: (isOn: boolean) => void] {
  const isOn = useSyncExternalStore(
    subscribe,
    () => localStorage.getItem(KEYS_OFF) === null,
    () => true,
  );
  return [
    isOn,
    (on) => {
      if (on) localStorage.removeItem(KEYS_OFF);
      else localStorage.setItem(KEYS_OFF, "1");
      dispatchEvent(new Event("slipway:keys"));
    },
  ];
}

export function CommandProvider(props: { readonly children: ReactNode }) {
  const [registry] = useState(makeRegistry);
  const [isOn] = useSingleKeys();
  useEffect(() => {
    let before: Pressed | null = null;
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.isComposing) return;
      const isChord = (event.metaKey || event.ctrlKey) && event.key.toLowerCase() === "k";
      if (isChord) {
        event.preventDefault();
        registry
          .all()
          .find((command) => command.keys === "mod k")
          ?.run();
        return;
      }
      if (event.metaKey || event.ctrlKey || event.altKey || !isOn) return;
      if (isWriting(event.target) || document.querySelector("dialog[open]")) return;
      const pressed = { key: event.key, at: event.timeStamp };
      const found = matchKeys(registry.all(), before, pressed);
      before = found === "wait" ? pressed : null;
      if (found !== null && found !== "wait") {
        event.preventDefault();
        found.run();
      }
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [registry, isOn]);
  return <RegistryContext.Provider value={registry}>{props.children}</RegistryContext.Provider>;
}
