"use client";

import { useMutation } from "@tanstack/react-query";
import { useId, useState } from "react";
import { useTRPC } from "@/app/_client/trpc";
import { useOrg } from "@/app/_shell/org";
import { Button } from "@/app/_ui/button";
import { CommandLine } from "@/app/_ui/copy";
import { Field } from "@/app/_ui/field";
import { fieldProblems, Problem } from "@/app/_ui/problem";
import type { PoolSummary } from "@/server/api/pools/row";
import type { Doors } from "@/server/api/workers/connection";
import { Recipes } from "../../workers/connect";
import { type JoinPlace, joinRecipe } from "../join-recipes";

interface Props {
  readonly pool: PoolSummary;
  readonly doors: Doors;
  readonly onMade: () => void;
}

/** A form, and then the token and the lines that use it, shown this once. */
export function NewJoinToken({ pool, doors, onMade }: Props) {
  const org = useOrg();
  const trpc = useTRPC();
  const [isOpen, open] = useState(false);
  const expires = useId();
  const create = useMutation(trpc.pools.createJoinToken.mutationOptions({ onSuccess: onMade }));
  const wrong = fieldProblems(create.error);
  if (create.data) {
    return (
      <div className="space-y-3">
        <p role="status" className="border-l-2 border-amber pl-3">
          This is the token, shown this once; it is in the lines below already.
        </p>
        <CommandLine text={create.data.token} label="Copy the token" />
        <JoinLines pool={pool} doors={doors} token={create.data.token} />
        <Button
          onClick={() => {
            create.reset();
            open(false);
          }}
        >
          Done
        </Button>
      </div>
    );
  }
  if (!isOpen) {
    return (
      <div className="mb-6 flex flex-wrap gap-3">
        <Button onClick={() => open(true)}>New join token</Button>
      </div>
    );
  }
  return (
    <form
      className="mb-6 max-w-2xl space-y-3"
      aria-label="New join token"
      onSubmit={(event) => {
        event.preventDefault();
        const form = new FormData(event.currentTarget);
        const text = (name: string) => String(form.get(name) ?? "").trim();
        create.mutate({
          org: org.slug,
          poolId: pool.id,
          name: text("name"),
          days: text("days") === "" ? null : Number(text("days")),
          maxUses: text("maxUses") === "" ? null : Number(text("maxUses")),
        });
      }}
    >
      <div className="grid gap-3 sm:grid-cols-[1fr_150px_150px]">
        <Field
          label="Name"
          name="name"
          required
          maxLength={100}
          defaultValue={`${pool.name} machines`}
          autoComplete="off"
          problem={wrong.name}
        />
        <div>
          <label htmlFor={expires} className="mb-1 block text-xs font-medium text-muted">
            Expires
          </label>
          <select id={expires} name="days" className="field" defaultValue="90">
            <option value="1">in a day</option>
            <option value="30">in 30 days</option>
            <option value="90">in 90 days</option>
            <option value="365">in a year</option>
            <option value="">never</option>
          </select>
        </div>
        <Field
          label="Uses at most"
          name="maxUses"
          inputMode="numeric"
          placeholder="any number"
          autoComplete="off"
          problem={wrong.maxUses}
        />
      </div>
      <p className="text-xs text-muted">
        Each start of a machine is a use; a container that starts anew joins anew.
      </p>
      <Problem error={create.error} />
      <div className="flex gap-3">
        <Button type="submit" look="primary" disabled={create.isPending}>
          Make the token
        </Button>
        <Button onClick={() => open(false)}>Cancel</Button>
      </div>
    </form>
  );
}

const PLACES: readonly { id: JoinPlace; label: string }[] = [
  { id: "shell", label: "A shell" },
  { id: "systemd", label: "systemd" },
  { id: "compose", label: "Compose" },
  { id: "kubernetes", label: "Kubernetes" },
];

function JoinLines({ pool, doors, token }: Omit<Props, "onMade"> & { readonly token: string }) {
  const org = useOrg();
  const url = `${location.origin}/${org.slug}`;
  return (
    <Recipes
      doors={doors}
      label="What makes them"
      places={PLACES}
      recipe={(place, how) => joinRecipe(place, { pool: pool.name, url, token, doors, ...how })}
    />
  );
}
