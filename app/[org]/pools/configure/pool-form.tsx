"use client";

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useRouter } from "next/navigation";
import { useMemo } from "react";
import { routes } from "@/app/_client/navigation";
import { useTRPC } from "@/app/_client/trpc";
import { OptionFields } from "@/app/_features/schema-form";
import { useOrg } from "@/app/_shell/org";
import { Section } from "@/app/_ui/page-head";
import type { PoolKinds } from "@/server/api/pools/settings";
import { EntryForm, Folded, problemsByName, useRefusal } from "../../workers/configure/entry-form";
import { sectionsOf } from "../../workers/configure/sections";
import { useAfterPause, useOptions } from "../../workers/configure/use-entry";
import { sharedNames } from "../../workers/configure/worker-form";

type Options = Readonly<Record<string, unknown>>;

const NEW: Options = {};
/** What matters first of a pool's own. */
const FIRST = ["maxWorkers", "minIdle", "idleTimeout", "labels"];

/** A pool's options and those of its workers, drawn from their schemas; beside them the YAML that they make. */
export function PoolForm(props: {
  kinds: PoolKinds;
  type: string;
  poolId: number | null;
  original?: Options;
}) {
  const { kinds, type, poolId, original = NEW } = props;
  const kind = kinds.kinds.find((one) => one.type === type);
  if (!kind) return <p className="text-muted">There is no kind of worker called {type}.</p>;
  return <Form kinds={kinds} kind={kind} poolId={poolId} original={original} />;
}

function Form(props: {
  kinds: PoolKinds;
  kind: PoolKinds["kinds"][number];
  poolId: number | null;
  original: Options;
}) {
  const { kinds, kind, poolId, original } = props;
  const org = useOrg();
  const trpc = useTRPC();
  const router = useRouter();
  const queries = useQueryClient();
  const refusal = useRefusal();
  const entry = useOptions({ kind, defs: kinds.defs, original });
  const input = useMemo(() => ({ ...entry.input, poolId }), [entry.input, poolId]);
  const { mutate, data: preview } = useMutation(trpc.pools.preview.mutationOptions());
  useAfterPause(input, mutate);
  const save = useMutation(
    trpc.pools.save.mutationOptions({
      onSuccess(saved) {
        if (saved.isSaved) router.push(routes.pool(org.slug, saved.poolId));
        else refusal.refuse(saved.problems);
      },
      onSettled: () => queries.invalidateQueries({ queryKey: trpc.pools.pathKey() }),
    }),
  );
  const problems = problemsByName({ preview, touched: entry.touched }, refusal.problems);
  const own = useMemo(() => new Set(kinds.own), [kinds]);
  const ofPool = entry.fields.filter(({ name }) => own.has(name));
  const first = FIRST.flatMap((wanted) => ofPool.find(({ name }) => name === wanted) ?? []);
  const more = ofPool.filter((field) => !first.includes(field));
  const ofWorker = entry.fields.filter(({ name }) => !own.has(name));
  const shared = useMemo(() => sharedOf(kinds), [kinds]);
  const isSet = (name: string) => Object.hasOwn(original, name);
  const sections = sectionsOf(ofWorker, shared, isSet);
  const common = kind.isLatent ? sections.common : ofWorker;
  const state = { drafts: entry.drafts, problems, secrets: kinds.secrets, change: entry.change };
  // One machine of it, tried as the first of the pool.
  const tried = {
    preview,
    name: entry.name.trim() === "" ? "" : `${entry.name.trim()}-1`,
    input: {
      ...entry.input,
      workerId: null,
      name: `${entry.name.trim()}-1`,
      options: entry.input.options.filter(({ path }) => !own.has(path[0] ?? "")),
    },
  };
  const moreOfMachines = [...sections.moreMachine, ...sections.life, ...sections.moreLife];
  return (
    <EntryForm
      entry={entry}
      state={state}
      preview={preview}
      refusal={refusal}
      naming={
        poolId === null
          ? {
              placeholder: "linux",
              help: "Its workers are called by it and a number; builders name it under pools.",
            }
          : null
      }
      common={common}
      isCommonSet={common.some(({ name }) => isSet(name))}
      tried={kind.isLatent ? tried : null}
      save={{ ...save, word: poolId === null ? "Make the pool" : "Save" }}
      onSave={() => save.mutate(input)}
    >
      <Section title="How large it is" note="it follows the queue within these">
        <OptionFields fields={first} state={state} />
        <Folded title="More of its size" fields={more} problems={problems}>
          <OptionFields fields={more} state={state} />
        </Folded>
      </Section>
      {kind.isLatent ? (
        <Section title="Its machines" note="what each is made of">
          {sections.machine.length + sections.moreMachine.length === 0 ? (
            <p className="text-muted">Nothing of them can be chosen.</p>
          ) : null}
          <OptionFields fields={sections.machine} state={state} />
          <Folded title="More of the machines" fields={moreOfMachines} problems={problems}>
            <OptionFields fields={moreOfMachines} state={state} />
          </Folded>
        </Section>
      ) : null}
    </EntryForm>
  );
}

/** As for single workers, the pool's own options left out. */
function sharedOf(kinds: PoolKinds) {
  const own = new Set(kinds.own);
  const withoutOwn = kinds.kinds.map((kind) => ({
    ...kind,
    schema: {
      ...kind.schema,
      properties: Object.fromEntries(
        Object.entries(kind.schema.properties ?? {}).filter(([name]) => !own.has(name)),
      ),
    },
  }));
  return sharedNames({ ...kinds, kinds: withoutOwn });
}
