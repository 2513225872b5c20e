"use client";

import { type KeyboardEvent, type ReactNode, useId, useRef } from "react";

/** Parts of a page, one in sight; arrow keys go from one to the next. */
export function Tabs<T extends string>(props: {
  label: string;
  tabs: readonly { readonly id: T; readonly title: ReactNode }[];
  value: T;
  onChange: (value: T) => void;
  children: ReactNode;
}) {
  const { tabs, value, onChange } = props;
  const id = useId();
  const list = useRef<HTMLDivElement>(null);
  const at = Math.max(
    0,
    tabs.findIndex((tab) => tab.id === value),
  );
  const onKey = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -at, End: tabs.length - 1 - at }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const index = (at + step + tabs.length) % tabs.length;
    const next = tabs[index];
    if (next) onChange(next.id);
    list.current?.querySelectorAll<HTMLElement>("[role=tab]")[index]?.focus();
  };
  return (
    <>
      <div
        ref={list}
        role="tablist"
        aria-label={props.label}
        className="mb-4 flex flex-wrap gap-x-1 border-b border-line"
      >
        {tabs.map((tab, index) => (
          <button
            key={tab.id}
            type="button"
            role="tab"
            id={`${id}-${tab.id}`}
            aria-selected={index === at}
            aria-controls={`${id}-panel`}
            tabIndex={index === at ? 0 : -1}
            onClick={() => onChange(tab.id)}
            onKeyDown={onKey}
            className="-mb-px h-8 border-b-2 border-transparent px-3 text-muted hover:text-fg aria-selected:border-accent aria-selected:font-medium aria-selected:text-fg"
          >
            {tab.title}
          </button>
        ))}
      </div>
      <div role="tabpanel" id={`${id}-panel`} aria-labelledby={`${id}-${value}`}>
        {props.children}
      </div>
    </>
  );
}
