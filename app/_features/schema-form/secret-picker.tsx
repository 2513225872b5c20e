"use client";

import { useState } from "react";
import type { Marks } from "./controls";

const REFERENCE = /^%\(secret:([^)]+)\)s$/;
const NEW = "\0new";

/**
 * A hidden value: one of the secrets that are there, or a new one. What is typed here goes to the
 * secret store when the worker is saved; the document names it.
 */
export function SecretPicker(props: {
  marks: Marks;
  text: string;
  secrets: readonly string[];
  onWrite: (text: string) => void;
}) {
  const { marks, text, secrets, onWrite } = props;
  const chosen = REFERENCE.exec(text)?.[1] ?? null;
  const [isNew, setNew] = useState(text !== "" && chosen === null);
  const names = chosen === null || secrets.includes(chosen) ? secrets : [chosen, ...secrets];
  return (
    <div className="space-y-1.5">
      <select
        {...marks}
        className="field"
        value={isNew ? NEW : (chosen ?? "")}
        onChange={({ target: { value } }) => {
          setNew(value === NEW);
          onWrite(value === NEW || value === "" ? "" : `%(secret:${value})s`);
        }}
      >
        <option value="">left out</option>
        {names.map((name) => (
          <option key={name} value={name}>
            secret {name}
          </option>
        ))}
        <option value={NEW}>a new value…</option>
      </select>
      {isNew ? (
        <input
          type="password"
          className="field font-mono text-[12.5px]"
          aria-label="The new value"
          value={text}
          autoComplete="new-password"
          placeholder="goes to the secret store"
          onChange={(event) => onWrite(event.target.value)}
        />
      ) : null}
    </div>
  );
}
