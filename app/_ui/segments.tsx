"use client";

import { useId } from "react";

/** One of a few, all in sight: radio buttons drawn as one bar. */
export function Segments<T extends string>(props: {
  label: string;
  options: readonly { readonly id: T; readonly label: string }[];
  value: T;
  onChange: (value: T) => void;
}) {
  const name = useId();
  return (
    <fieldset>
      <legend className="mb-1 text-xs font-medium text-muted">{props.label}</legend>
      <div className="inline-flex max-w-full flex-wrap rounded-md border border-line-strong bg-raised">
        {props.options.map(({ id, label }) => (
          <label
            key={id}
            className="flex h-[30px] cursor-pointer items-center px-3 text-muted first:rounded-l-md last:rounded-r-md not-first:border-l not-first:border-line hover:bg-hover has-checked:bg-accent-soft has-checked:font-medium has-checked:text-fg has-focus-visible:outline-2 has-focus-visible:outline-accent"
          >
            <input
              type="radio"
              className="sr-only"
              name={name}
              value={id}
              checked={props.value === id}
              onChange={() => props.onChange(id)}
            />
            {label}
          </label>
        ))}
      </div>
    </fieldset>
  );
}
