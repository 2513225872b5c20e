"use client";

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useRouter } from "next/navigation";
import { type FormEvent, type ReactNode, useMemo, useRef, useState } from "react";
import { routes } from "@/app/_client/navigation";
import { useTRPC } from "@/app/_client/trpc";
import { type OptionField, OptionFields } from "@/app/_features/schema-form";
import { useOrg } from "@/app/_shell/org";
import { Button } from "@/app/_ui/button";
import { CopyButton } from "@/app/_ui/copy";
import { Field } from "@/app/_ui/field";
import { Section } from "@/app/_ui/page-head";
import { Problem } from "@/app/_ui/problem";
import type { OptionProblem, WorkerKinds } from "@/server/api/workers/settings";
import { type Shared, sectionsOf } from "./sections";
import { TestPanel } from "./test-panel";
import { useEntry, type WorkerEntry } from "./use-entry";

type Options = Readonly<Record<string, unknown>>;

const NEW: Options = {};

/** A worker's options, drawn from the schema of its kind; beside them the YAML that they make. */
export function WorkerForm(props: {
  kinds: WorkerKinds;
  type: string;
  workerId: number | null;
  original?: Options;
}) {
  const { kinds, type, workerId, original = NEW } = props;
  const kind = kinds.kinds.find((one) => one.type === type);
  if (!kind) return <p className="text-muted">There is no kind of worker called {type}.</p>;
  return <Form kinds={kinds} kind={kind} workerId={workerId} original={original} />;
}

function Form(props: {
  kinds: WorkerKinds;
  kind: WorkerKinds["kinds"][number];
  workerId: number | null;
  original: Options;
}) {
  const { kinds, kind, workerId, original } = props;
  const org = useOrg();
  const trpc = useTRPC();
  const router = useRouter();
  const queries = useQueryClient();
  const form = useRef<HTMLFormElement>(null);
  const entry = useEntry({ kind, defs: kinds.defs, workerId, original });
  const [refused, setRefused] = useState<readonly OptionProblem[] | null>(null);
  const [testId, setTest] = useState<number | null>(null);
  const refuse = (problems: readonly OptionProblem[]) => {
    setRefused(problems);
    requestAnimationFrame(() =>
      form.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus(),
    );
  };
  const save = useMutation(
    trpc.workers.save.mutationOptions({
      onSuccess(saved) {
        if (saved.isSaved) router.push(routes.worker(org.slug, saved.workerId));
        else refuse(saved.problems);
      },
      onSettled: () => queries.invalidateQueries({ queryKey: trpc.workers.pathKey() }),
    }),
  );
  const problems = problemsByName(entry, refused);
  const shared = useMemo(() => sharedNames(kinds), [kinds]);
  const isSet = (name: string) => Object.hasOwn(original, name);
  const sections = sectionsOf(entry.fields, shared, isSet);
  const { machine, moreMachine, moreLife, common } = kind.isLatent
    ? sections
    : { ...sections, common: entry.fields, moreLife: [] };
  const life = kind.isLatent ? sections.life : [];
  const state = {
    drafts: entry.drafts,
    problems,
    secrets: kinds.secrets,
    change: entry.change,
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate(entry.input);
  };
  return (
    <div className="grid gap-x-10 gap-y-7 xl:grid-cols-[minmax(0,1fr)_minmax(320px,420px)]">
      <form ref={form} className="min-w-0 max-w-2xl" onSubmit={submit} noValidate>
        {workerId === null ? (
          <Section title="Its name">
            <Field
              label="Name"
              required
              mono
              value={entry.name}
              onChange={(event) => entry.rename(event.target.value)}
              placeholder="on-demand-1"
              autoComplete="off"
              spellCheck={false}
              help="Letters, digits, - and _; builders name it in workernames."
              problem={problems.name ? `It ${problems.name}.` : null}
            />
          </Section>
        ) : null}
        {kind.isLatent ? (
          <Section title="The machine" note="what it is made of">
            {machine.length + moreMachine.length === 0 ? (
              <p className="text-muted">Nothing of it can be chosen.</p>
            ) : null}
            <OptionFields fields={machine} state={state} />
            <Folded title="More of the machine" fields={moreMachine} problems={problems}>
              <OptionFields fields={moreMachine} state={state} />
            </Folded>
          </Section>
        ) : null}
        {life.length > 0 ? (
          <Section title="When it comes and goes">
            <OptionFields fields={life} state={state} />
            <Folded title="More of its life" fields={moreLife} problems={problems}>
              <OptionFields fields={moreLife} state={state} />
            </Folded>
          </Section>
        ) : null}
        <Section title="Like any worker">
          <Folded
            title={`${common.length} options that every worker has`}
            fields={common}
            problems={problems}
            isOpen={common.some(({ name }) => isSet(name))}
          >
            <OptionFields fields={common} state={state} />
          </Folded>
        </Section>
        <div className="mt-7 space-y-3">
          <Problem error={save.error} />
          {refused && refused.length > 0 ? (
            <Refused problems={refused} fields={entry.fields} />
          ) : null}
          <div className="flex flex-wrap items-center gap-3">
            <Button type="submit" look="primary" disabled={save.isPending}>
              {workerId === null ? "Add it" : "Save"}
            </Button>
            <span className="text-xs text-muted">
              A new version of the organisation's configuration, with your name.
            </span>
          </div>
        </div>
      </form>
      <div className="min-w-0 space-y-7">
        {kind.isLatent ? (
          <TestPanel entry={entry} testId={testId} onTest={setTest} onProblems={refuse} />
        ) : null}
        <Yaml text={entry.preview?.yaml ?? null} />
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

/** What a static worker has too, and what all latent ones have besides. */
export function sharedNames({ kinds }: WorkerKinds): Shared {
  const names = ({ schema }: WorkerKinds["kinds"][number]) => Object.keys(schema.properties ?? {});
  const common = new Set(kinds.filter(({ isLatent }) => !isLatent).flatMap(names));
  const [first = [], ...others] = kinds.filter(({ isLatent }) => isLatent).map(names);
  const isEverywhere = (name: string) => others.every((those) => those.includes(name));
  // Of one kind alone it cannot be told what is its own.
  const latent = others.length === 0 ? [] : first.filter(isEverywhere);
  return { common, latent: new Set(latent.filter((name) => !common.has(name))) };
}

/** What belongs to no field in sight. */
export function Refused(props: {
  problems: readonly OptionProblem[];
  fields: readonly OptionField[];
}) {
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

export function Yaml({ text }: { text: string | null }) {
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
