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

/** Commands of the page at hand, newest page first, so that a page may take a key over. */
interface Registry {
  add(source: () => readonly Command[]): () => void;
  all(): Command[];
}

function makeRegistry(): Registry {
  const sources = new Set<() => readonly Command[]>();
  return {
    add(source) {
      sources.add(source);
      return () => sources.delete(source);
    },
    all: () => [...sources].reverse().flatMap((source) => source()),
  };
}

const RegistryContext = createContext<Registry>(makeRegistry());

export const useRegistry = () => useContext(RegistryContext);

/** Commands that exist while the calling component is on the page. */
export function useCommands(commands: readonly Command[]): void {
  const registry = useRegistry();
  const newest = useRef(commands);
  newest.current = commands;
  useEffect(() => registry.add(() => newest.current), [registry]);
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
