"use client";

import { useMutation } from "@tanstack/react-query";
import { useRouter } from "next/navigation";
import { useState } from "react";
import { routes } from "@/app/_client/navigation";
import { useTRPC } from "@/app/_client/trpc";
import { useOrg } from "@/app/_shell/org";
import { Button } from "@/app/_ui/button";
import { Dialog } from "@/app/_ui/dialog";
import { Field } from "@/app/_ui/field";
import { ICONS, Icon } from "@/app/_ui/icon";
import { fieldProblems, Problem } from "@/app/_ui/problem";

interface PropertyRow {
  readonly key: number;
  readonly name: string;
  readonly value: string;
}

/** Starts a build by hand, and goes where it can be watched. */
export function ForceDialog(props: {
  builder: { id: number; name: string; properties: Record<string, unknown> };
  /** What a link says of the fields. */
  link: URLSearchParams;
  onClose: () => void;
}) {
  const { builder } = props;
  const org = useOrg();
  const router = useRouter();
  const trpc = useTRPC();
  const [properties, setProperties] = useState<readonly PropertyRow[]>([]);
  const [idempotencyKey] = useState(() => crypto.randomUUID());
  const force = useMutation(
    trpc.builders.force.mutationOptions({
      onSuccess: ({ requestId }) => {
        props.onClose();
        if (requestId !== null) router.push(routes.request(org.slug, requestId));
      },
    }),
  );
  const wrong = fieldProblems(force.error);
  const said = (name: string) => props.link.get(name) ?? "";
  const known = Object.keys(builder.properties);
  const change = (key: number, part: Partial<PropertyRow>) =>
    setProperties(properties.map((row) => (row.key === key ? { ...row, ...part } : row)));
  return (
    <Dialog title={`Start a build of ${builder.name}`} onClose={props.onClose} wide>
      <form
        className="space-y-4"
        onSubmit={(event) => {
          event.preventDefault();
          const form = new FormData(event.currentTarget);
          const text = (name: string) => String(form.get(name) ?? "");
          force.mutate({
            org: org.slug,
            builderId: builder.id,
            reason: text("reason"),
            branch: text("branch"),
            revision: text("revision"),
            repository: text("repository"),
            priority: Number(text("priority")) || 0,
            properties: properties.map(({ name, value }) => ({ name, value })),
            idempotencyKey,
          });
        }}
      >
        <Field
          label="Reason"
          name="reason"
          defaultValue={said("reason")}
          placeholder="force build"
          maxLength={1000}
          problem={wrong.reason}
          autoComplete="off"
        />
        <div className="grid gap-4 sm:grid-cols-2">
          <Field
            label="Branch"
            name="branch"
            defaultValue={said("branch")}
            mono
            placeholder="the builder's own"
            problem={wrong.branch}
            autoComplete="off"
          />
          <Field
            label="Revision"
            name="revision"
            defaultValue={said("revision")}
            mono
            placeholder="newest"
            problem={wrong.revision}
            autoComplete="off"
          />
          <Field
            label="Repository"
            name="repository"
            defaultValue={said("repository")}
            mono
            placeholder="the builder's own"
            problem={wrong.repository}
            autoComplete="off"
          />
          <Field
            label="Priority"
            name="priority"
            type="number"
            defaultValue={said("priority") || 0}
            problem={wrong.priority}
            help="Higher goes first."
          />
        </div>
        <fieldset>
          <legend className="mb-1 text-xs font-medium text-muted">Properties</legend>
          <datalist id="known-properties">
            {known.map((name) => (
              <option key={name} value={name} />
            ))}
          </datalist>
          <div className="space-y-2">
            {properties.map((row) => (
              <div key={row.key} className="flex gap-2">
                <input
                  aria-label="Name"
                  list="known-properties"
                  value={row.name}
                  onChange={(event) => change(row.key, { name: event.target.value })}
                  className="field font-mono"
                  placeholder="name"
                />
                <input
                  aria-label={`Value of ${row.name || "the property"}`}
                  value={row.value}
                  onChange={(event) => change(row.key, { value: event.target.value })}
                  className="field font-mono"
                  placeholder="value"
                />
                <Button
                  look="quiet"
                  aria-label={`Remove ${row.name || "the property"}`}
                  onClick={() => setProperties(properties.filter((other) => other !== row))}
                >
                  <Icon path={ICONS.close} />
                </Button>
              </div>
            ))}
          </div>
          {wrong.properties ? <p className="mt-1 text-xs text-red">{wrong.properties}</p> : null}
          <Button
            small
            className="mt-2"
            onClick={() => {
              const key = Math.max(0, ...properties.map((row) => row.key)) + 1;
              setProperties([...properties, { key, name: "", value: "" }]);
            }}
          >
            <Icon path={ICONS.plus} size={12} />
            Add a property
          </Button>
        </fieldset>
        <Problem error={force.error} />
        <div className="flex justify-end gap-2">
          <Button onClick={props.onClose}>Close</Button>
          <Button type="submit" look="primary" disabled={force.isPending}>
            Start the build
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
