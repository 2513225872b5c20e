"use client";

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useRouter } from "next/navigation";
import { useMemo } from "react";
import { routes } from "@/app/_client/navigation";
import { useTRPC } from "@/app/_client/trpc";
import { OptionFields } from "@/app/_features/schema-form";
import { useOrg } from "@/app/_shell/org";
import { Section } from "@/app/_ui/page-head";
import type { WorkerKinds } from "@/server/api/workers/settings";
import { EntryForm, Folded, problemsByName, useRefusal } from "./entry-form";
import { type Shared, sectionsOf } from "./sections";
import { useEntry } from "./use-entry";

type Options = Readonly<Record<string, unknown>>;

const NEW: Options = {};

/** A worker's options, drawn from the schema of its kind; beside them the YAML that they make. */
export function WorkerForm(props: {
  kinds: WorkerKinds;
  type: string;
  workerId: number | null;
  original?: Options;
}) {
  const { kinds, type, workerId, original = NEW } = props;
  const kind = kinds.kinds.find((one) => one.type === type);
  if (!kind) return <p className="text-muted">There is no kind of worker called {type}.</p>;
  return <Form kinds={kinds} kind={kind} workerId={workerId} original={original} />;
}

function Form(props: {
  kinds: WorkerKinds;
  kind: WorkerKinds["kinds"][number];
  workerId: number | null;
  original: Options;
}) {
  const { kinds, kind, workerId, original } = props;
  const org = useOrg();
  const trpc = useTRPC();
  const router = useRouter();
  const queries = useQueryClient();
  const refusal = useRefusal();
  const entry = useEntry({ kind, defs: kinds.defs, workerId, original });
  const save = useMutation(
    trpc.workers.save.mutationOptions({
      onSuccess(saved) {
        if (saved.isSaved) router.push(routes.worker(org.slug, saved.workerId));
        else refusal.refuse(saved.problems);
      },
      onSettled: () => queries.invalidateQueries({ queryKey: trpc.workers.pathKey() }),
    }),
  );
  const problems = problemsByName(entry, refusal.problems);
  const shared = useMemo(() => sharedNames(kinds), [kinds]);
  const isSet = (name: string) => Object.hasOwn(original, name);
  const sections = sectionsOf(entry.fields, shared, isSet);
  const { machine, moreMachine, life, moreLife, common } = kind.isLatent
    ? sections
    : { ...sections, common: entry.fields, life: [], moreLife: [] };
  const state = { drafts: entry.drafts, problems, secrets: kinds.secrets, change: entry.change };
  return (
    <EntryForm
      entry={entry}
      state={state}
      preview={entry.preview}
      refusal={refusal}
      naming={
        workerId === null
          ? {
              placeholder: "on-demand-1",
              help: "Letters, digits, - and _; builders name it in workernames.",
            }
          : null
      }
      common={common}
      isCommonSet={common.some(({ name }) => isSet(name))}
      tried={kind.isLatent ? entry : null}
      save={{ ...save, word: workerId === null ? "Add it" : "Save" }}
      onSave={() => save.mutate(entry.input)}
    >
      {kind.isLatent ? (
        <Section title="The machine" note="what it is made of">
          {machine.length + moreMachine.length === 0 ? (
            <p className="text-muted">Nothing of it can be chosen.</p>
          ) : null}
          <OptionFields fields={machine} state={state} />
          <Folded title="More of the machine" fields={moreMachine} problems={problems}>
            <OptionFields fields={moreMachine} state={state} />
          </Folded>
        </Section>
      ) : null}
      {life.length > 0 ? (
        <Section title="When it comes and goes">
          <OptionFields fields={life} state={state} />
          <Folded title="More of its life" fields={moreLife} problems={problems}>
            <OptionFields fields={moreLife} state={state} />
          </Folded>
        </Section>
      ) : null}
    </EntryForm>
  );
}

/** What a static worker has too, and what all latent ones have besides. */
export function sharedNames({ kinds }: WorkerKinds): Shared {
  const names = ({ schema }: WorkerKinds["kinds"][number]) => Object.keys(schema.properties ?? {});
  const common = new Set(kinds.filter(({ isLatent }) => !isLatent).flatMap(names));
  const [first = [], ...others] = kinds.filter(({ isLatent }) => isLatent).map(names);
  const isEverywhere = (name: string) => others.every((those) => those.includes(name));
  // Of one kind alone it cannot be told what is its own.
  const latent = others.length === 0 ? [] : first.filter(isEverywhere);
  return { common, latent: new Set(latent.filter((name) => !common.has(name))) };
}
