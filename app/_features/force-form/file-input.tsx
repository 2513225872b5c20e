"use client";

import { useRef, useState } from "react";
import { bytes } from "@/app/_client/format";
import { Button } from "@/app/_ui/button";
import { ICONS, Icon } from "@/app/_ui/icon";
import type { Field } from "@/server/domain/force";
import type { Marks } from "./field-input";
import type { ChosenFile } from "./values";

/** A text file of the reader's machine, read here and shown with its size. */
export function FileInput(props: {
  field: Field;
  marks: Marks;
  value: ChosenFile | null;
  onChange: (file: ChosenFile | null) => void;
}) {
  const { field, marks, value, onChange } = props;
  const input = useRef<HTMLInputElement>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const choose = async (file: File | undefined) => {
    setProblem(null);
    if (!file) return;
    if (field.maxsize !== null && file.size > field.maxsize) {
      setProblem(`${file.name} has ${bytes(file.size)}; at most ${bytes(field.maxsize)} are taken`);
      return;
    }
    try {
      const text = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
      onChange({ name: file.name, size: file.size, text });
    } catch {
      setProblem(`${file.name} is not a text file in UTF-8`);
    }
  };
  const clear = () => {
    setProblem(null);
    onChange(null);
    if (input.current) input.current.value = "";
    input.current?.focus();
  };
  return (
    <>
      <div className="flex min-w-0 flex-wrap items-center gap-x-3 gap-y-1">
        <input
          {...marks}
          ref={input}
          type="file"
          onChange={(event) => void choose(event.target.files?.[0])}
          className="block w-full min-w-0 text-xs text-muted file:mr-3 file:h-8 file:cursor-pointer file:rounded-md file:border file:border-solid file:border-line-strong file:bg-raised file:px-3 file:text-fg hover:file:bg-hover"
        />
        {value ? (
          <span className="flex min-w-0 items-center gap-1 text-xs text-muted">
            <span className="num" role="status">
              {bytes(value.size)}
            </span>
            <Button look="quiet" small aria-label={`Remove ${value.name}`} onClick={clear}>
              <Icon path={ICONS.close} size={12} />
            </Button>
          </span>
        ) : field.maxsize !== null ? (
          <span className="text-xs text-muted">text, at most {bytes(field.maxsize)}</span>
        ) : null}
      </div>
      {problem === null ? null : (
        <p role="alert" className="mt-1 text-xs text-red">
          {problem}
        </p>
      )}
    </>
  );
}
