"use client";

import { type ReactNode, useRef, useState } from "react";
import { type OptionField, OptionFields, type OptionsState } from "@/app/_features/schema-form";
import { Button } from "@/app/_ui/button";
import { CopyButton } from "@/app/_ui/copy";
import { Field } from "@/app/_ui/field";
import { Section } from "@/app/_ui/page-head";
import { Problem } from "@/app/_ui/problem";
import type { OptionProblem } from "@/server/api/workers/settings";
import { TestPanel } from "./test-panel";
import type { OptionsEntry, WorkerEntry } from "./use-entry";

type Preview = WorkerEntry["preview"];

/** What the server has refused to save, and how it comes to the fields. */
export function useRefusal() {
  const form = useRef<HTMLFormElement>(null);
  const [problems, setProblems] = useState<readonly OptionProblem[] | null>(null);
  const refuse = (refused: readonly OptionProblem[]) => {
    setProblems(refused);
    requestAnimationFrame(() =>
      form.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus(),
    );
  };
  return { form, problems, refuse };
}

/**
 * The form of a worker or a pool: its name, what is its own (`children`), what every worker has, and
 * saving; beside them a test of one machine and the YAML that they make.
 */
export function EntryForm(props: {
  entry: OptionsEntry;
  state: OptionsState;
  preview: Preview;
  refusal: ReturnType<typeof useRefusal>;
  /** Null: it is there, and has its name. */
  naming: { readonly placeholder: string; readonly help: string } | null;
  common: readonly OptionField[];
  /** Some of those are written already. */
  isCommonSet: boolean;
  /** What a test makes a machine of; null: there is none to be made. */
  tried: Pick<WorkerEntry, "name" | "input" | "preview"> | null;
  save: { readonly word: string; readonly isPending: boolean; readonly error: unknown };
  onSave: () => void;
  children: ReactNode;
}) {
  const { entry, state, preview, refusal, naming, common, tried, save } = props;
  const { problems } = state;
  const [testId, setTest] = useState<number | null>(null);
  return (
    <div className="grid gap-x-10 gap-y-7 xl:grid-cols-[minmax(0,1fr)_minmax(320px,420px)]">
      <form
        ref={refusal.form}
        className="min-w-0 max-w-2xl"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          props.onSave();
        }}
      >
        {naming ? (
          <Section title="Its name">
            <Field
              label="Name"
              required
              mono
              value={entry.name}
              onChange={(event) => entry.rename(event.target.value)}
              placeholder={naming.placeholder}
              autoComplete="off"
              spellCheck={false}
              help={naming.help}
              problem={problems.name ? `It ${problems.name}.` : null}
            />
          </Section>
        ) : null}
        {props.children}
        <Section title="Like any worker">
          <Folded
            title={`${common.length} options that every worker has`}
            fields={common}
            problems={problems}
            isOpen={props.isCommonSet}
          >
            <OptionFields fields={common} state={state} />
          </Folded>
        </Section>
        <div className="mt-7 space-y-3">
          <Problem error={save.error} />
          {refusal.problems && refusal.problems.length > 0 ? (
            <Refused problems={refusal.problems} fields={entry.fields} />
          ) : null}
          <div className="flex flex-wrap items-center gap-3">
            <Button type="submit" look="primary" disabled={save.isPending}>
              {save.word}
            </Button>
            <span className="text-xs text-muted">
              A new version of the organisation's configuration, with your name.
            </span>
          </div>
        </div>
      </form>
      <div className="min-w-0 space-y-7">
        {tried ? (
          <TestPanel entry={tried} testId={testId} onTest={setTest} onProblems={refusal.refuse} />
        ) : null}
        <Yaml text={preview?.yaml ?? null} />
      </div>
    </div>
  );
}

/** Those of fields that were touched, and all once saving was refused. */
export function problemsByName(
  { preview, touched }: Pick<WorkerEntry, "preview" | "touched">,
  refused: readonly OptionProblem[] | null,
): Record<string, string | undefined> {
  const known = preview?.problems ?? refused ?? [];
  const said: Record<string, string | undefined> = {};
  for (const { path, message } of known) {
    const [name, ...rest] = path.map(String);
    if (name === undefined || (refused === null && !touched.has(name))) continue;
    said[name] ??= rest.length > 0 ? `${message} (${rest.join(".")})` : message;
    if (rest.length === 1) said[`${name}.${rest[0]}`] ??= message;
  }
  return said;
}

/** What belongs to no field in sight. */
function Refused(props: { problems: readonly OptionProblem[]; fields: readonly OptionField[] }) {
  const known = new Set(["name", ...props.fields.map(({ name }) => name)]);
  const others = props.problems.filter(({ path }) => !known.has(String(path[0] ?? "")));
  return (
    <div role="alert" className="rounded-md border border-red bg-red-soft px-3 py-2 text-red">
      <p>Something in the form is not right; see the fields.</p>
      {others.map(({ path, message }) => (
        <p key={`${path.join(".")}${message}`}>
          {path.join(".")} {message}
        </p>
      ))}
    </div>
  );
}

export function Folded(props: {
  title: string;
  fields: readonly OptionField[];
  problems: Readonly<Record<string, string | undefined>>;
  isOpen?: boolean;
  children: ReactNode;
}) {
  const isWrong = props.fields.some(({ name }) => props.problems[name] !== undefined);
  const [isOpen, setOpen] = useState(props.isOpen ?? false);
  if (props.fields.length === 0) return null;
  return (
    <details
      className="mt-4"
      open={isOpen || isWrong}
      onToggle={(event) => setOpen(event.currentTarget.open)}
    >
      <summary className="min-h-7 text-muted hover:text-fg">{props.title}</summary>
      <div className="mt-3">{props.children}</div>
    </details>
  );
}

function Yaml({ text }: { text: string | null }) {
  return (
    <Section title="As the document says it" note="the same, written by hand">
      {text === null ? (
        <div className="skeleton h-24" aria-hidden="true" />
      ) : (
        <div className="relative">
          <section
            // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys
            tabIndex={0}
            aria-label="YAML"
            className="max-h-96 overflow-auto rounded-md border border-line bg-sunken px-3 py-2 pr-10"
          >
            <pre className="num text-[12.5px] leading-5">{text}</pre>
          </section>
          <div className="absolute top-1.5 right-1.5">
            <CopyButton text={text} label="Copy" />
          </div>
        </div>
      )}
    </Section>
  );
}
