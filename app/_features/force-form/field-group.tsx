"use client";

import { type KeyboardEvent, type RefObject, useEffect, useId, useRef, useState } from "react";
import type { Field } from "@/server/domain/force";
import { FieldInput, plainLabel } from "./field-input";
import { hasProblem, isShown, type Value, type Values } from "./values";

export interface FormState {
  readonly values: Values;
  readonly problems: Readonly<Record<string, string | undefined>>;
  readonly wantsFocus: RefObject<string | null>;
  readonly change: (field: Field, value: Value) => void;
}

const COLUMNS: Readonly<Record<number, string>> = {
  1: "",
  2: "sm:grid-cols-2",
  3: "sm:grid-cols-2 lg:grid-cols-3",
  4: "sm:grid-cols-2 lg:grid-cols-4",
};

/** Any field: a group in its layout, or one control. */
export function FormField(props: { field: Field; state: FormState }) {
  const { field, state } = props;
  if (!isShown(field)) return null;
  if (field.fields) return <Group {...props} />;
  const name = field.fullName ?? field.name;
  return (
    <FieldInput
      field={field}
      value={state.values[name] ?? null}
      problem={state.problems[name]}
      wantsFocus={state.wantsFocus}
      onChange={(value) => state.change(field, value)}
    />
  );
}

function Group(props: { field: Field; state: FormState }) {
  const { field } = props;
  if (field.layout === "tabs") return <Tabs {...props} />;
  if (field.kind === "PatchParameter") return <Folded {...props} />;
  const title = titleOf(field);
  if (field.layout === "simple" || title === "") return <Fields {...props} />;
  return (
    <fieldset className="min-w-0 border-t border-line pt-3">
      <legend className="label float-left mb-3 w-full">{title}</legend>
      <div className="clear-both">
        <Fields {...props} />
      </div>
    </fieldset>
  );
}

function titleOf(field: Field): string {
  if (field.kind === "AnyPropertyParameter") return plainLabel(field) || "Property";
  return field.label === "" ? "" : plainLabel(field);
}

function Fields({ field, state }: { field: Field; state: FormState }) {
  const columns = field.kind === "AnyPropertyParameter" ? 2 : (field.columns ?? 1);
  return (
    <div className={`grid min-w-0 gap-x-4 gap-y-3 ${COLUMNS[columns] ?? ""}`}>
      {(field.fields ?? []).map((one) => (
        <Cell key={one.fullName ?? one.label} field={one} state={state} />
      ))}
    </div>
  );
}

/** What needs room takes the whole row. */
function Cell(props: { field: Field; state: FormState }) {
  const { field } = props;
  if (!isShown(field)) return null;
  const isWide = field.fields !== undefined || field.type === "textarea" || field.type === "file";
  return (
    <div className={`min-w-0 ${isWide ? "col-span-full" : ""}`}>
      <FormField {...props} />
    </div>
  );
}

/** Seldom needed: closed until something stands in it or is wrong with it. */
function Folded({ field, state }: { field: Field; state: FormState }) {
  const isWrong = hasProblem(field, state.problems);
  const [isOpen, setOpen] = useState(false);
  useEffect(() => {
    if (isWrong) setOpen(true);
  }, [isWrong]);
  return (
    <details open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary className="min-h-7 text-xs font-medium text-muted hover:text-fg">
        {titleOf(field) || "Patch"}
      </summary>
      <div className="mt-2 border-l border-line pl-3">
        <Fields field={field} state={state} />
      </div>
    </details>
  );
}

/** Each field is a tab of its own, which turns up by itself when something in it is wrong. */
function Tabs({ field, state }: { field: Field; state: FormState }) {
  const id = useId();
  const list = useRef<HTMLDivElement>(null);
  const tabs = (field.fields ?? []).filter(isShown);
  const [chosen, choose] = useState(0);
  const at = Math.min(chosen, tabs.length - 1);
  const firstWrong = tabs.findIndex((tab) => hasProblem(tab, state.problems));
  useEffect(() => {
    if (firstWrong >= 0) choose(firstWrong);
  }, [firstWrong]);
  const onKey = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -at, End: tabs.length - 1 - at }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const next = (at + step + tabs.length) % tabs.length;
    choose(next);
    list.current?.querySelectorAll<HTMLElement>("[role=tab]")[next]?.focus();
  };
  return (
    <div className="min-w-0 border-t border-line pt-3">
      <div
        ref={list}
        role="tablist"
        aria-label={titleOf(field) || "Options"}
        className="mb-3 flex flex-wrap gap-x-1 border-b border-line"
      >
        {tabs.map((tab, index) => (
          <button
            key={tab.fullName ?? tab.tablabel}
            type="button"
            role="tab"
            id={`${id}-${index}`}
            aria-selected={index === at}
            aria-controls={`${id}-panel`}
            tabIndex={index === at ? 0 : -1}
            onClick={() => choose(index)}
            onKeyDown={onKey}
            className="-mb-px h-8 border-b-2 border-transparent px-3 text-muted hover:text-fg aria-selected:border-accent aria-selected:font-medium aria-selected:text-fg"
          >
            {(tab.tablabel || tab.name).replace(/:\s*$/, "")}
            {hasProblem(tab, state.problems) ? (
              <span className="ml-1 text-red">
                <span aria-hidden="true">!</span>
                <span className="sr-only">, with a problem</span>
              </span>
            ) : null}
          </button>
        ))}
      </div>
      <div role="tabpanel" id={`${id}-panel`} aria-labelledby={`${id}-${at}`}>
        {tabs[at] ? <TabPanel field={tabs[at]} state={state} /> : null}
      </div>
    </div>
  );
}

/** The tab says the group's name already. */
function TabPanel({ field, state }: { field: Field; state: FormState }) {
  const isPlainGroup = field.fields && field.layout !== "tabs";
  return isPlainGroup ? (
    <Fields field={field} state={state} />
  ) : (
    <FormField field={field} state={state} />
  );
}
