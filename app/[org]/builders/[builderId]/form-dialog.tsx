"use client";

import { useMutation } from "@tanstack/react-query";
import { useRouter } from "next/navigation";
import { useRef, useState } from "react";
import { routes } from "@/app/_client/navigation";
import { useTRPC } from "@/app/_client/trpc";
import {
  changed,
  FormField,
  firstValues,
  forgetValues,
  isShown,
  rememberedValues,
  rememberValues,
  sentValues,
} from "@/app/_features/force-form";
import { useOrg } from "@/app/_shell/org";
import { Button } from "@/app/_ui/button";
import { Dialog } from "@/app/_ui/dialog";
import { fieldProblems, Problem } from "@/app/_ui/problem";
import type { ForceFormOffer } from "@/server/api/builders/force-forms";
import { leaves } from "@/server/domain/force";

/** Starts a build as a force scheduler's form asks for it, and goes where it can be watched. */
export function FormDialog(props: {
  builder: { id: number; name: string };
  form: ForceFormOffer;
  /** What a link says of fields, by their full names. */
  link: URLSearchParams;
  onClose: () => void;
}) {
  const { builder, form } = props;
  const { fields, name: scheduler } = form;
  const org = useOrg();
  const router = useRouter();
  const trpc = useTRPC();
  const wantsFocus = useRef<string | null>(null);
  const shown = [...leaves(fields)].filter(isShown).map(({ fullName }) => fullName);
  const [values, setValues] = useState(() =>
    firstValues(fields, rememberedValues(org.slug, scheduler), props.link),
  );
  const [idempotencyKey] = useState(() => crypto.randomUUID());
  const force = useMutation(
    trpc.builders.forceForm.mutationOptions({
      onError: (refused) => {
        const wrong = fieldProblems(refused);
        wantsFocus.current = shown.find((name) => wrong[name] !== undefined) ?? null;
      },
      onSuccess: ({ requestId }) => {
        rememberValues(org.slug, scheduler, fields, values);
        props.onClose();
        if (requestId !== null) router.push(routes.request(org.slug, requestId));
      },
    }),
  );
  const { error } = force;
  const problems = fieldProblems(error);
  const [who, ...groups] = fields;
  const state = {
    values,
    problems,
    wantsFocus,
    change: (field: (typeof fields)[number], value: (typeof values)[string]) =>
      setValues((before) => changed(fields, before, field, value)),
  };
  return (
    <Dialog title={`${form.label}: ${builder.name}`} onClose={props.onClose} wide>
      <form
        noValidate
        className="space-y-4"
        onSubmit={(event) => {
          event.preventDefault();
          force.mutate({
            org: org.slug,
            builderId: builder.id,
            scheduler,
            values: sentValues(values),
            idempotencyKey,
          });
        }}
      >
        <div className="grid gap-4 sm:grid-cols-[minmax(0,1fr)_110px]">
          {(who?.fields ?? []).map((field) => (
            <FormField key={field.fullName} field={field} state={state} />
          ))}
        </div>
        {groups.filter(isShown).map((field) => (
          <FormField key={field.fullName ?? field.label} field={field} state={state} />
        ))}
        <Problem error={error} />
        <Elsewhere shown={shown} problems={problems} />
        <div className="flex flex-wrap items-center justify-end gap-2">
          <Button
            look="quiet"
            className="mr-auto"
            onClick={() => {
              forgetValues(org.slug, scheduler);
              setValues(firstValues(fields, {}, new URLSearchParams()));
            }}
          >
            Back to defaults
          </Button>
          <Button onClick={props.onClose}>Close</Button>
          <Button type="submit" look="primary" disabled={force.isPending}>
            Start the build
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

/** What is wrong with fields that are not to be seen. */
function Elsewhere(props: {
  shown: readonly string[];
  problems: Readonly<Record<string, string | undefined>>;
}) {
  const rest = Object.entries(props.problems).filter(([name]) => !props.shown.includes(name));
  if (rest.length === 0) return null;
  return (
    <ul className="text-xs text-red">
      {rest.map(([name, problem]) => (
        <li key={name}>
          <code>{name}</code> {problem}
        </li>
      ))}
    </ul>
  );
}
