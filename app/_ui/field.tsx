"use client";

import { type InputHTMLAttributes, type ReactNode, useId } from "react";

interface Props extends InputHTMLAttributes<HTMLInputElement> {
  label: string;
  help?: ReactNode;
  problem?: string | null | undefined;
  mono?: boolean;
}

/** A labelled input; what is wrong with it stands below and is read with it. */
export function Field({ label, help, problem, mono, className = "", ...input }: Props) {
  const id = useId();
  return (
    <div className={className}>
      <label htmlFor={id} className="mb-1 block text-xs font-medium text-muted">
        {label}
      </label>
      <input
        id={id}
        className={`field ${mono ? "font-mono text-[12.5px]" : ""}`}
        aria-invalid={problem ? true : undefined}
        aria-describedby={problem || help ? `${id}-note` : undefined}
        {...input}
      />
      {problem || help ? (
        <p id={`${id}-note`} className={`mt-1 text-xs ${problem ? "text-red" : "text-muted"}`}>
          {problem ?? help}
        </p>
      ) : null}
    </div>
  );
}
