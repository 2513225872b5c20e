"use client";

import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useTRPC } from "@/app/_client/trpc";
import { Field } from "@/app/_ui/field";
import { fieldProblems, Problem } from "@/app/_ui/problem";

export function NewOrganization() {
  const trpc = useTRPC();
  const [name, setName] = useState("");
  const [slug, setSlug] = useState<string | null>(null);
  const create = useMutation(
    trpc.organizations.create.mutationOptions({
      onSuccess: (made) => location.assign(`/${made.slug}`),
    }),
  );
  const wrong = fieldProblems(create.error);
  const suggested = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "")
    .slice(0, 40);
  return (
    <form
      className="auth-form"
      onSubmit={(event) => {
        event.preventDefault();
        create.mutate({ name, slug: slug ?? suggested });
      }}
    >
      <Field
        label="Name"
        required
        value={name}
        onChange={(event) => setName(event.target.value)}
        problem={wrong.name}
      />
      <Field
        label="Address"
        required
        mono
        value={slug ?? suggested}
        onChange={(event) => setSlug(event.target.value)}
        help={`Its pages are below /${slug ?? suggested}`}
        problem={wrong.slug}
      />
      <Problem error={create.error} />
      <button type="submit" disabled={create.isPending}>
        Make the organisation
      </button>
    </form>
  );
}
