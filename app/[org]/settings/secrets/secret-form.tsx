"use client";

import { useMutation } from "@tanstack/react-query";
import { useId, useRef } from "react";
import { useTRPC } from "@/app/_client/trpc";
import { useOrg } from "@/app/_shell/org";
import { Button } from "@/app/_ui/button";
import { Field } from "@/app/_ui/field";
import { fieldProblems, Problem } from "@/app/_ui/problem";

/** Sets a new secret, or the one named. The value is written and never shown again. */
export function SecretForm(props: { name: string | null; onDone: () => void }) {
  const org = useOrg();
  const trpc = useTRPC();
  const form = useRef<HTMLFormElement>(null);
  const value = useId();
  const set = useMutation(
    trpc.secrets.set.mutationOptions({
      onSuccess: ({ warning }) => {
        form.current?.reset();
        // A warning is read before the dialog goes.
        if (props.name === null || warning === null) props.onDone();
      },
    }),
  );
  const wrong = fieldProblems(set.error);
  return (
    <form
      ref={form}
      className="max-w-2xl space-y-3"
      onSubmit={(event) => {
        event.preventDefault();
        const fields = new FormData(event.currentTarget);
        set.mutate({
          org: org.slug,
          name: props.name ?? String(fields.get("name") ?? "").trim(),
          // A form sends lines as CRLF; keys and certificates want them as they were.
          value: String(fields.get("value") ?? "").replaceAll("\r\n", "\n"),
        });
      }}
    >
      {props.name === null ? (
        <Field
          label="Name"
          name="name"
          required
          mono
          placeholder="deploy/token"
          autoComplete="off"
          spellCheck={false}
          help="Letters, digits and _ . / | -"
          problem={wrong.name}
        />
      ) : null}
      <div>
        <label htmlFor={value} className="mb-1 block text-xs font-medium text-muted">
          Value
        </label>
        <textarea
          id={value}
          name="value"
          required
          rows={3}
          autoComplete="off"
          spellCheck={false}
          className="field h-auto! py-1.5 font-mono text-[12.5px]"
          aria-invalid={wrong.value ? true : undefined}
          aria-describedby={`${value}-note`}
        />
        <p
          id={`${value}-note`}
          className={`mt-1 text-xs ${wrong.value ? "text-red" : "text-muted"}`}
        >
          {wrong.value ?? "Kept encrypted, and shown to nobody again: not here, not in logs."}
        </p>
      </div>
      <Problem error={set.error} />
      {set.data ? <Done {...set.data} /> : null}
      <div className="flex gap-2">
        <Button type="submit" look="primary" disabled={set.isPending}>
          Set the secret
        </Button>
        {props.name !== null && set.data ? <Button onClick={props.onDone}>Close</Button> : null}
      </div>
    </form>
  );
}

const DONE = {
  added: "It is set.",
  changed: "It is replaced.",
  same: "It had that value already.",
};

function Done(props: { outcome: keyof typeof DONE; warning: string | null }) {
  return (
    <p
      role="status"
      className={`border-l-2 pl-3 ${props.warning ? "border-amber" : "border-line"}`}
    >
      {DONE[props.outcome]} {props.warning ? `Mind that ${props.warning}.` : null}
    </p>
  );
}
