"use client";

import { type ReactNode, type RefObject, useEffect, useId, useRef } from "react";
import { ANY_WORKER, type Field } from "@/server/domain/force";
import { FileInput } from "./file-input";
import { type ChosenFile, isOpenChoice, type Value } from "./values";

export interface InputProps {
  readonly field: Field;
  readonly value: Value;
  readonly problem: string | undefined;
  readonly onChange: (value: Value) => void;
  /** Full name of the field that wants the focus, until one has taken it. */
  readonly wantsFocus: RefObject<string | null>;
}

/** Everything a control needs to be named, described and marked. */
export interface Marks {
  readonly id: string;
  readonly name: string;
  readonly "aria-invalid": true | undefined;
  readonly "aria-required": true | undefined;
  readonly "aria-describedby": string | undefined;
}

/** Choices beyond so many are a list to scroll. */
const MAX_BOXES = 12;

/** One field: its label, the control that fits its kind, what helps and what is wrong. */
export function FieldInput(props: InputProps) {
  const { field, problem } = props;
  const id = useId();
  const element = useRef<HTMLDivElement>(null);
  // After every drawing: the tab or the fold around it may open later than the problem is known.
  useEffect(() => {
    const { wantsFocus } = props;
    if (wantsFocus.current !== (field.fullName ?? field.name)) return;
    const control = element.current?.querySelector<HTMLElement>("[aria-invalid]");
    control?.focus();
    if (control && document.activeElement === control) wantsFocus.current = null;
  });
  const hasNote = problem !== undefined || field.tooltip !== "";
  const marks: Marks = {
    id,
    name: field.fullName ?? field.name,
    "aria-invalid": problem === undefined ? undefined : true,
    "aria-required": field.required || undefined,
    "aria-describedby": hasNote ? `${id}-note` : undefined,
  };
  const note = hasNote ? (
    <div id={`${id}-note`} className="mt-1 text-xs">
      {problem === undefined ? null : (
        <p className="text-red">{`${plainLabel(field)} ${problem}`}</p>
      )}
      {field.tooltip === "" ? null : <p className="text-muted">{field.tooltip}</p>}
    </div>
  ) : null;
  if (field.type === "bool") {
    return (
      <div ref={element}>
        <label className="flex min-h-8 items-center gap-2">
          <input
            {...marks}
            type="checkbox"
            checked={props.value === true}
            onChange={(event) => props.onChange(event.target.checked)}
            className="size-4 accent-(--accent)"
          />
          <LabelText field={field} />
        </label>
        {note}
      </div>
    );
  }
  if (field.multiple && (field.choices?.length ?? 0) <= MAX_BOXES) {
    return (
      <div ref={element}>
        <fieldset aria-describedby={marks["aria-describedby"]}>
          <legend className="mb-1 text-xs font-medium text-muted">
            <LabelText field={field} />
          </legend>
          <Boxes {...props} marks={marks} />
          {note}
        </fieldset>
      </div>
    );
  }
  return (
    <div ref={element} className="min-w-0">
      <label htmlFor={id} className="mb-1 block text-xs font-medium text-muted">
        <LabelText field={field} />
      </label>
      <Control {...props} marks={marks} />
      {note}
    </div>
  );
}

/** Buildbot's labels end in a colon, and the default ones begin small. */
export const plainLabel = (field: Field) => {
  const text = (field.label || field.name).replace(/:\s*$/, "");
  return text === field.name ? `${text[0]?.toUpperCase() ?? ""}${text.slice(1)}` : text;
};

function LabelText({ field }: { readonly field: Field }): ReactNode {
  return (
    <span>
      {plainLabel(field)}
      {field.required ? (
        <span className="ml-1 text-red" title="required">
          <span aria-hidden="true">*</span>
          <span className="sr-only">required</span>
        </span>
      ) : null}
    </span>
  );
}

interface ControlProps extends InputProps {
  readonly marks: Marks;
}

function Control(props: ControlProps) {
  const { field, value, onChange, marks } = props;
  const text = typeof value === "string" ? value : "";
  const written = {
    ...marks,
    value: text,
    placeholder: field.type === "list" ? undefined : String(field.default ?? ""),
    maxLength: field.maxsize ?? undefined,
    autoComplete: "off",
    spellCheck: false,
  };
  switch (field.type) {
    case "file":
      return (
        <FileInput
          field={field}
          marks={marks}
          value={value as ChosenFile | null}
          onChange={onChange}
        />
      );
    case "textarea":
      return (
        <textarea
          {...written}
          rows={Math.min(field.rows ?? MAX_ROWS, MAX_ROWS)}
          onChange={(event) => onChange(event.target.value)}
          className="field block resize-y font-mono text-[12.5px]"
        />
      );
    case "list":
      return isOpenChoice(field) && !field.multiple ? (
        <OpenChoice {...props} />
      ) : (
        <Choice {...props} />
      );
    default:
      return (
        <input
          {...written}
          type="text"
          inputMode={field.type === "int" ? "numeric" : undefined}
          onChange={(event) => onChange(event.target.value)}
          className={`field ${field.type === "int" ? "num" : ""}`}
        />
      );
  }
}

const MAX_ROWS = 8;

function Choice({ field, value, onChange, marks }: ControlProps) {
  const choices = field.choices ?? [];
  // A choice that may be left open begins with nothing.
  const isOpen = !field.multiple && !choices.includes(String(value));
  return (
    <select
      {...marks}
      multiple={field.multiple}
      size={field.multiple ? 8 : undefined}
      value={
        field.multiple ? [...((value as readonly string[] | null) ?? [])] : String(value ?? "")
      }
      onChange={(event) =>
        onChange(
          field.multiple
            ? [...event.target.selectedOptions].map((option) => option.value)
            : event.target.value,
        )
      }
      className={`field ${field.multiple ? "h-auto! py-1" : ""}`}
    >
      {isOpen ? <option value="" /> : null}
      {choices.map((choice) => (
        <option key={choice} value={choice}>
          {choice === ANY_WORKER && field.kind === "WorkerChoiceParameter" ? "any worker" : choice}
        </option>
      ))}
    </select>
  );
}

/** Words to choose from, and any other. */
function OpenChoice({ field, value, onChange, marks }: ControlProps) {
  return (
    <>
      <input
        {...marks}
        list={`${marks.id}-choices`}
        value={typeof value === "string" ? value : ""}
        autoComplete="off"
        onChange={(event) => onChange(event.target.value)}
        className="field"
      />
      <datalist id={`${marks.id}-choices`}>
        {(field.choices ?? []).map((choice) => (
          <option key={choice} value={choice} />
        ))}
      </datalist>
    </>
  );
}

function Boxes({ field, value, onChange, marks }: ControlProps) {
  const chosen = Array.isArray(value) ? (value as readonly string[]) : [];
  const { "aria-required": _, id, ...box } = marks;
  return (
    <div className="flex flex-wrap gap-x-4">
      {(field.choices ?? []).map((choice, index) => (
        <label key={choice} className="flex min-h-7 items-center gap-2">
          <input
            {...box}
            id={`${id}-${index}`}
            type="checkbox"
            checked={chosen.includes(choice)}
            onChange={(event) =>
              onChange(
                event.target.checked
                  ? [...chosen, choice]
                  : chosen.filter((other) => other !== choice),
              )
            }
            className="size-4 accent-(--accent)"
          />
          {choice}
        </label>
      ))}
    </div>
  );
}
