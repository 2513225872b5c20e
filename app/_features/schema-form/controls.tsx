"use client";

import { useId } from "react";
import { Button } from "../../_ui/button";
import { ICONS, Icon } from "../../_ui/icon";
import type { Draft } from "./draft";
import type { Control, OptionField } from "./fields";
import { SecretPicker } from "./secret-picker";

/** Everything a control needs to be named, described and marked. */
export interface Marks {
  readonly id: string;
  readonly "aria-invalid": true | undefined;
  readonly "aria-required": true | undefined;
  readonly "aria-describedby": string | undefined;
}

interface Props {
  readonly field: OptionField;
  readonly control: Exclude<Control, { kind: "group" }>;
  readonly draft: Draft;
  readonly marks: Marks;
  /** Names of secrets that may be chosen. */
  readonly secrets: readonly string[];
  readonly onChange: (draft: Draft) => void;
}

const MONO = "font-mono text-[12.5px]";

export function OptionControl(props: Props) {
  const { field, control, draft, marks, onChange } = props;
  if (draft.kind === "list") return <TextList {...props} items={draft.items} />;
  if (draft.kind === "map") return <TextMap {...props} pairs={draft.pairs} />;
  if (draft.kind === "group") return null;
  const { text, kind } = draft;
  const write = (next: string) => onChange({ kind, text: next });
  const written = {
    ...marks,
    value: text,
    autoComplete: "off",
    spellCheck: false,
    placeholder: field.example ?? "",
  };
  switch (control.kind) {
    case "yes-no":
      return (
        <Choice
          {...marks}
          value={text}
          fallback={field.fallback}
          choices={["true", "false"]}
          words={{ true: "yes", false: "no" }}
          onChange={write}
        />
      );
    case "choice":
      return (
        <Choice
          {...marks}
          value={text}
          fallback={field.fallback}
          choices={control.choices}
          onChange={write}
        />
      );
    case "number":
      return (
        <span className="flex items-center gap-2">
          <input
            {...written}
            type="text"
            inputMode={control.isWhole && (control.min ?? 0) >= 0 ? "numeric" : "text"}
            placeholder={field.fallback ?? field.example ?? ""}
            className="field num max-w-40"
            onChange={(event) => write(event.target.value)}
          />
          {field.unit ? <span className="text-muted">{field.unit}</span> : null}
        </span>
      );
    case "yaml":
      return (
        <textarea
          {...written}
          rows={Math.min(12, Math.max(3, text.split("\n").length + 1))}
          className={`field block resize-y ${MONO}`}
          onChange={(event) => write(event.target.value)}
        />
      );
    case "text":
      if (control.isSecret) {
        return <SecretPicker marks={marks} text={text} secrets={props.secrets} onWrite={write} />;
      }
      return control.isLong ? (
        <textarea
          {...written}
          rows={Math.min(14, Math.max(4, text.split("\n").length + 1))}
          className={`field block resize-y ${MONO}`}
          onChange={(event) => write(event.target.value)}
        />
      ) : (
        <input
          {...written}
          type="text"
          placeholder={field.example ?? field.fallback ?? ""}
          className={`field ${MONO}`}
          onChange={(event) => write(event.target.value)}
        />
      );
    default:
      return null;
  }
}

function Choice(
  props: Marks & {
    value: string;
    fallback: string | null;
    choices: readonly string[];
    words?: Readonly<Record<string, string>>;
    onChange: (value: string) => void;
  },
) {
  const { value, fallback, choices, words, onChange, ...marks } = props;
  return (
    <select
      {...marks}
      className="field"
      value={value}
      onChange={(event) => onChange(event.target.value)}
    >
      <option value="">{fallback === null ? "left out" : `left out: ${fallback}`}</option>
      {choices.map((choice) => (
        <option key={choice} value={choice}>
          {words?.[choice] ?? choice}
        </option>
      ))}
    </select>
  );
}

/** One line each, and one more to write into. */
function TextList(props: Props & { items: readonly string[] }) {
  const { items, marks, field, onChange } = props;
  const { id, ...described } = marks;
  const shown = items.length === 0 ? [""] : items;
  const write = (next: readonly string[]) => onChange({ kind: "list", items: next });
  return (
    <ol className="space-y-1.5" aria-label={field.title ?? field.name}>
      {shown.map((item, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: an item is its place
        <li key={at} className="flex gap-1.5">
          <input
            {...described}
            id={at === 0 ? id : `${id}-${at}`}
            aria-label={at === 0 ? undefined : `${field.title ?? field.name}, ${at + 1}`}
            className={`field ${MONO}`}
            value={item}
            placeholder={at === 0 ? (field.example ?? "") : ""}
            autoComplete="off"
            spellCheck={false}
            onChange={(event) => write(shown.with(at, event.target.value))}
          />
          <Remove
            what={`${field.title ?? field.name}, ${at + 1}`}
            onClick={() => write(shown.toSpliced(at, 1))}
          />
        </li>
      ))}
      <li>
        <More onClick={() => write([...shown, ""])} what={field.title ?? field.name} />
      </li>
    </ol>
  );
}

function TextMap(props: Props & { pairs: readonly (readonly [string, string])[] }) {
  const { pairs, marks, field, onChange } = props;
  const { id, ...described } = marks;
  const title = field.title ?? field.name;
  const shown: readonly (readonly [string, string])[] = pairs.length === 0 ? [["", ""]] : pairs;
  const write = (next: readonly (readonly [string, string])[]) =>
    onChange({ kind: "map", pairs: next });
  return (
    <ol className="space-y-1.5" aria-label={title}>
      {shown.map(([name, value], at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: an item is its place
        <li key={at} className="flex gap-1.5">
          <input
            {...described}
            id={at === 0 ? id : `${id}-${at}`}
            aria-label={`${title}, name ${at + 1}`}
            className={`field ${MONO} max-w-[40%]`}
            value={name}
            placeholder="name"
            autoComplete="off"
            spellCheck={false}
            onChange={(event) => write(shown.with(at, [event.target.value, value]))}
          />
          <input
            aria-label={`${title}, value ${at + 1}`}
            className={`field ${MONO}`}
            value={value}
            placeholder="value"
            autoComplete="off"
            spellCheck={false}
            onChange={(event) => write(shown.with(at, [name, event.target.value]))}
          />
          <Remove
            what={`${title}, ${name || at + 1}`}
            onClick={() => write(shown.toSpliced(at, 1))}
          />
        </li>
      ))}
      <li>
        <More onClick={() => write([...shown, ["", ""]])} what={title} />
      </li>
    </ol>
  );
}

function Remove(props: { what: string; onClick: () => void }) {
  return (
    <Button look="quiet" aria-label={`Remove ${props.what}`} onClick={props.onClick}>
      <Icon path={ICONS.close} size={14} />
    </Button>
  );
}

function More(props: { what: string; onClick: () => void }) {
  const id = useId();
  return (
    <Button small look="quiet" aria-describedby={id} onClick={props.onClick}>
      <Icon path={ICONS.plus} size={12} />
      One more
      <span id={id} className="sr-only">
        for {props.what}
      </span>
    </Button>
  );
}
