"use client";
import { type FormEvent, type ReactNode, useState } from "react";

interface FieldProps {
  readonly label: string;
  readonly name: string;
  readonly type?: "text" | "email" | "password";
  readonly autoComplete: string;
  readonly defaultValue?: string;
  readonly readOnly?: boolean;
  readonly minLength?: number;
}

export function Field({ label, type = "text", ...input }: FieldProps): ReactNode {
  return (
    <label className="auth-field">
      <span>{label}</span>
      <input required type={type} {...input} />
    </label>
  );
}

/** A form that says what went wrong where a screen reader hears it, and keeps what was typed. */
export function AuthForm(props: {
  readonly submit: string;
  /** Gives the sentence to show, or null when it worked and the page is about to change. */
  readonly onSubmit: (fields: Record<string, string>) => Promise<string | null>;
  readonly children?: ReactNode;
}): ReactNode {
  const [problem, setProblem] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);

  async function submit(event: FormEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    const data = new FormData(event.currentTarget);
    const fields = Object.fromEntries([...data].map(([name, value]) => [name, String(value)]));
    setBusy(true);
    setProblem(null);
    const answer = await props
      .onSubmit(fields)
      .catch(() => "The server cannot be reached. Try again.");
    if (answer !== null) {
      setProblem(answer);
      setBusy(false);
    }
  }

  return (
    <form className="auth-form" method="post" onSubmit={submit}>
      {props.children}
      <p role="alert">{problem}</p>
      <button type="submit" disabled={isBusy}>
        {props.submit}
      </button>
    </form>
  );
}
