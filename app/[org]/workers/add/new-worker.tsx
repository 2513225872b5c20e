"use client";

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useDeferredValue, useState } from "react";
import { useTRPC } from "@/app/_client/trpc";
import { useOrg } from "@/app/_shell/org";
import { Button } from "@/app/_ui/button";
import { Field } from "@/app/_ui/field";
import { fieldProblems, Problem } from "@/app/_ui/problem";

export interface Made {
  readonly workerId: number;
  readonly password: string;
}

/** The name is checked while it is typed; the password is made, not chosen. */
export function NewWorker(props: { onMade: (worker: Made) => void }) {
  const org = useOrg();
  const trpc = useTRPC();
  const queries = useQueryClient();
  const [name, setName] = useState("");
  const [max, setMax] = useState("");
  const add = useMutation(
    trpc.workers.add.mutationOptions({
      onSuccess: props.onMade,
      onSettled: () => queries.invalidateQueries({ queryKey: trpc.workers.pathKey() }),
    }),
  );
  const asked = useDeferredValue(name);
  const check = useQuery({
    ...trpc.workers.checkName.queryOptions({ org: org.slug, name: asked }),
    enabled: asked !== "",
    placeholderData: (previous) => previous,
  });
  const wrong = fieldProblems(add.error);
  const problem = asked === "" ? null : check.data?.problem;
  return (
    <form
      className="max-w-md space-y-4"
      onSubmit={(event) => {
        event.preventDefault();
        add.mutate({ org: org.slug, name, maxBuilds: max === "" ? null : Number(max) });
      }}
    >
      <Field
        label="Name"
        required
        mono
        value={name}
        onChange={(event) => setName(event.target.value)}
        placeholder="linux-1"
        autoComplete="off"
        spellCheck={false}
        // biome-ignore lint/a11y/noAutofocus: the first field of a page that was just asked for
        autoFocus
        help={
          name !== "" && name === asked && check.data?.problem === null
            ? "This name is free. Builders name it in workernames."
            : "Letters, digits, - and _; builders name it in workernames."
        }
        problem={problem ? `It ${problem}.` : wrong.name ? `It ${wrong.name}.` : null}
      />
      <Field
        label="Builds at once (max_builds)"
        type="number"
        min={1}
        max={1000}
        value={max}
        onChange={(event) => setMax(event.target.value)}
        placeholder="no limit"
        help="One of each builder at most, in any case."
        problem={wrong.maxBuilds}
      />
      <Problem error={add.error} />
      <div className="space-y-2">
        <Button type="submit" look="primary" disabled={add.isPending || Boolean(problem)}>
          Add it
        </Button>
        <p className="text-xs text-muted">
          A password is made for it, and shown once. The next page has the commands, and sees the
          worker come.
        </p>
      </div>
    </form>
  );
}
