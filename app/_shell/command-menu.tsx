"use client";

import { useQuery } from "@tanstack/react-query";
import { useRouter } from "next/navigation";
import { type KeyboardEvent, useDeferredValue, useEffect, useId, useRef, useState } from "react";
import { useRegistry } from "../_client/commands";
import { routes } from "../_client/navigation";
import { useTRPC } from "../_client/trpc";
import { useOrg } from "./org";
import { remembered, rememberVisit } from "./recent";

interface Entry {
  readonly id: string;
  readonly label: string;
  readonly kind: string;
  readonly keys?: string | null;
  run(): void;
}

/** Find anything, do anything: places, the page's own commands, builders, builds and workers. */
export function CommandMenu(props: { onClose: () => void }) {
  const [text, setText] = useState("");
  const [chosen, choose] = useState(0);
  const element = useRef<HTMLDialogElement>(null);
  const list = useId();
  const entries = useEntries(text);
  const at = Math.min(chosen, Math.max(0, entries.length - 1));
  useEffect(() => {
    element.current?.showModal();
  }, []);
  useEffect(() => {
    element.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
  });
  const run = (entry: Entry | undefined) => {
    if (!entry) return;
    props.onClose();
    // After the dialog is gone, so that what runs may take the focus.
    queueMicrotask(() => entry.run());
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown") choose(Math.min(at + 1, entries.length - 1));
    else if (event.key === "ArrowUp") choose(Math.max(at - 1, 0));
    else if (event.key === "Enter") run(entries[at]);
    else return;
    event.preventDefault();
  };
  return (
    <dialog
      ref={element}
      aria-label="Find or do"
      onCancel={(event) => {
        event.preventDefault();
        props.onClose();
      }}
      onMouseDown={(event) => {
        if (event.target === element.current) props.onClose();
      }}
      className="mx-auto mt-[12dvh] w-[calc(100vw-24px)] max-w-xl overflow-hidden rounded-lg border border-line-strong bg-raised p-0 text-fg shadow-(--shadow)"
    >
      <input
        role="combobox"
        aria-expanded="true"
        aria-controls={list}
        aria-activedescendant={entries[at] ? `${list}-${at}` : undefined}
        aria-label="Find or do"
        placeholder="A builder, a worker, builder #12, or something to do"
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          choose(0);
        }}
        onKeyDown={onKey}
        className="h-12 w-full border-b border-line bg-transparent px-4 text-base outline-none placeholder:text-faint"
      />
      <div id={list} role="listbox" aria-label="Found" className="max-h-[50dvh] overflow-auto p-1">
        {entries.map((entry, index) => (
          <div
            key={entry.id}
            id={`${list}-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === at}
            onPointerMove={() => choose(index)}
            onClick={() => run(entry)}
            onKeyDown={onKey}
            className="flex h-9 cursor-pointer items-center gap-3 rounded-md px-3 aria-selected:bg-accent-soft"
          >
            <span className="min-w-0 flex-1 truncate">{entry.label}</span>
            <span className="text-xs text-muted">{entry.kind}</span>
          </div>
        ))}
        {entries.length === 0 ? (
          <p className="px-3 py-6 text-center text-muted">Nothing has this in its name.</p>
        ) : null}
      </div>
    </dialog>
  );
}

function useEntries(text: string): Entry[] {
  const org = useOrg();
  const router = useRouter();
  const registry = useRegistry();
  const trpc = useTRPC();
  const wanted = useDeferredValue(text.trim());
  const found = useQuery({
    ...trpc.search.find.queryOptions({ org: org.slug, text: wanted }),
    placeholderData: (previous) => previous,
  });
  const go = (path: string, label: string, kind: string) => () => {
    rememberVisit(org.slug, { path, label, kind });
    router.push(path);
  };
  const words = text.trim().toLowerCase();
  const commands: Entry[] = registry
    .all()
    .filter((command) => command.id !== "commands" && command.label.toLowerCase().includes(words))
    .map((command) => ({ ...command, kind: command.group }));
  const things: Entry[] = (found.data ?? []).map((item) => {
    const path =
      item.kind === "worker"
        ? routes.worker(org.slug, item.id)
        : item.kind === "builder"
          ? routes.builder(org.slug, item.id)
          : routes.build(org.slug, item.builderId ?? 0, item.number ?? 0);
    const label = item.kind === "build" ? `${item.name} #${item.number}` : item.name;
    return {
      id: `${item.kind}:${item.id}`,
      label,
      kind: item.kind,
      run: go(path, label, item.kind),
    };
  });
  if (words !== "") return [...things, ...commands];
  const recent = remembered(org.slug).map(({ path, label, kind }) => ({
    id: `recent:${path}`,
    label,
    kind: `${kind}, recent`,
    run: go(path, label, kind),
  }));
  const known = new Set(recent.map((entry) => entry.label));
  return [...recent, ...commands, ...things.filter((entry) => !known.has(entry.label))];
}
