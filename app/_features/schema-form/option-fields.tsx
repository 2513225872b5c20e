"use client";

import { useId } from "react";
import { Button } from "../../_ui/button";
import { OptionControl } from "./controls";
import { controlOf, type Draft, type Drafts, emptyDraft, isBlank } from "./draft";
import type { Control, OptionField } from "./fields";

export interface OptionsState {
  readonly drafts: Drafts;
  /** What is wrong, by the option's name; of a part of one, by both names with a dot between. */
  readonly problems: Readonly<Record<string, string | undefined>>;
  readonly secrets: readonly string[];
  readonly change: (name: string, draft: Draft) => void;
}

/** Options one below the other, each with what it means and what counts when it is left out. */
export function OptionFields(props: { fields: readonly OptionField[]; state: OptionsState }) {
  return (
    <div className="space-y-4">
      {props.fields.map((field) => (
        <Option key={field.name} field={field} state={props.state} />
      ))}
    </div>
  );
}

function Option(props: { field: OptionField; state: OptionsState }) {
  const { field, state } = props;
  const draft = state.drafts[field.name] ?? emptyDraft(field.controls[0]);
  const control = controlOf(field, draft);
  const change = (next: Draft) => state.change(field.name, next);
  if (control.kind === "group" && draft.kind === "group") {
    return <Group {...props} control={control} drafts={draft.drafts} onChange={change} />;
  }
  if (control.kind === "group") return null;
  return <Single {...props} control={control} draft={draft} onChange={change} />;
}

function Group(props: {
  field: OptionField;
  state: OptionsState;
  control: Extract<Control, { kind: "group" }>;
  drafts: Drafts;
  onChange: (draft: Draft) => void;
}) {
  const { field, state, control, drafts } = props;
  const problems = Object.fromEntries(
    control.fields.map(({ name }) => [name, state.problems[`${field.name}.${name}`]]),
  );
  const isOfParts = Object.values(problems).some((one) => one !== undefined);
  const problem = isOfParts ? undefined : state.problems[field.name];
  // Of what may be left out altogether nothing is needed before something is there.
  const isLeftOut = !field.isRequired && isBlank({ kind: "group", drafts });
  const fields = isLeftOut
    ? control.fields.map((one) => ({ ...one, isRequired: false }))
    : control.fields;
  return (
    <fieldset className="min-w-0 border-l-2 border-line pl-4">
      <legend className="text-xs font-medium text-muted">
        <Title field={field} />
      </legend>
      {field.description ? <p className="mb-2 text-xs text-muted">{field.description}</p> : null}
      {problem ? <p className="mb-2 text-xs text-red">{sentence(problem)}</p> : null}
      <OptionFields
        fields={fields}
        state={{
          ...state,
          drafts,
          problems,
          change: (name, draft) =>
            props.onChange({ kind: "group", drafts: { ...drafts, [name]: draft } }),
        }}
      />
    </fieldset>
  );
}

function Single(props: {
  field: OptionField;
  state: OptionsState;
  control: Exclude<Control, { kind: "group" }>;
  draft: Draft;
  onChange: (draft: Draft) => void;
}) {
  const { field, state, control, draft, onChange } = props;
  const id = useId();
  const problem = state.problems[field.name];
  const help = helpOf(field, control);
  const note = problem !== undefined || help !== "" ? `${id}-note` : undefined;
  return (
    <div className="min-w-0">
      <div className="mb-1 flex items-baseline gap-3">
        <label htmlFor={id} className="text-xs font-medium text-muted">
          <Title field={field} />
        </label>
        <Ways field={field} draft={draft} onChange={onChange} />
      </div>
      <OptionControl
        field={field}
        control={control}
        draft={draft}
        secrets={state.secrets}
        onChange={onChange}
        marks={{
          id,
          "aria-invalid": problem === undefined ? undefined : true,
          "aria-required": field.isRequired || undefined,
          "aria-describedby": note,
        }}
      />
      {note ? (
        <div id={note} className="mt-1 text-xs">
          {problem === undefined ? null : <p className="text-red">{sentence(problem)}</p>}
          {help === "" ? null : <p className="text-muted">{help}</p>}
        </div>
      ) : null}
    </div>
  );
}

/** Buildbot's own spelling, which its manual has too. */
function Title({ field }: { field: OptionField }) {
  return (
    <>
      {field.title ? `${field.title} ` : null}
      <code className="num">{field.name}</code>
      {field.isRequired ? (
        <span className="ml-1 text-red" title="required">
          <span aria-hidden="true">*</span>
          <span className="sr-only">required</span>
        </span>
      ) : null}
    </>
  );
}

const WAYS: Readonly<Record<Control["kind"], string>> = {
  text: "a text",
  number: "a number",
  "yes-no": "yes or no",
  choice: "one of a few",
  list: "a list",
  map: "names and values",
  group: "its parts",
  yaml: "YAML",
};

/** Where an option may be written in several ways, and nothing is written yet. */
function Ways(props: { field: OptionField; draft: Draft; onChange: (draft: Draft) => void }) {
  const { field, draft, onChange } = props;
  const others = field.controls.filter(({ kind }) => kind !== draft.kind);
  const isPlain = field.controls.length <= 2;
  if (isPlain || !isBlank(draft)) return null;
  return (
    <span className="ml-auto flex gap-2">
      {others.map((control) => (
        <Button
          key={control.kind}
          small
          look="quiet"
          className="h-6! px-1.5!"
          onClick={() => onChange(emptyDraft(control))}
        >
          as {WAYS[control.kind]}
          <span className="sr-only"> ({field.name})</span>
        </Button>
      ))}
    </span>
  );
}

function helpOf({ description, fallback, unit }: OptionField, control: Control): string {
  const isSaid = fallback === null || /left out/i.test(description ?? "");
  const isShown = control.kind === "choice" || control.kind === "yes-no";
  const counts =
    isSaid || isShown
      ? ""
      : `Left out: ${fallback}${unit && control.kind === "number" ? ` ${unit}` : ""}.`;
  return [ended(description ?? ""), control.kind === "yaml" ? "Written as YAML." : "", counts]
    .filter((part) => part !== "")
    .join(" ");
}

const ended = (text: string) => (text === "" || /[.!?]$/.test(text) ? text : `${text}.`);

/** Problems are said of the option: "must be …". */
const sentence = (problem: string) => ended(`It ${problem}`);
