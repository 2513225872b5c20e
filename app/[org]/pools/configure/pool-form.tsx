"use client";

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useRouter } from "next/navigation";
import { type FormEvent, useMemo, useRef, useState } from "react";
import { routes } from "@/app/_client/navigation";
import { useTRPC } from "@/app/_client/trpc";
import { OptionFields } from "@/app/_features/schema-form";
import { useOrg } from "@/app/_shell/org";
import { Button } from "@/app/_ui/button";
import { Field } from "@/app/_ui/field";
import { Section } from "@/app/_ui/page-head";
import { Problem } from "@/app/_ui/problem";
import type { PoolKinds } from "@/server/api/pools/settings";
import type { OptionProblem } from "@/server/api/workers/settings";
import { sectionsOf } from "../../workers/configure/sections";
import { TestPanel } from "../../workers/configure/test-panel";
import { useAfterPause, useOptions } from "../../workers/configure/use-entry";
import {
  Folded,
  problemsByName,
  Refused,
  sharedNames,
  Yaml,
} from "../../workers/configure/worker-form";

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
  const form = useRef<HTMLFormElement>(null);
  const entry = useOptions({ kind, defs: kinds.defs, original });
  const input = useMemo(() => ({ ...entry.input, poolId }), [entry.input, poolId]);
  const { mutate, data: preview } = useMutation(trpc.pools.preview.mutationOptions());
  useAfterPause(input, mutate);
  const [refused, setRefused] = useState<readonly OptionProblem[] | null>(null);
  const [testId, setTest] = useState<number | null>(null);
  const refuse = (problems: readonly OptionProblem[]) => {
    setRefused(problems);
    requestAnimationFrame(() =>
      form.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus(),
    );
  };
  const save = useMutation(
    trpc.pools.save.mutationOptions({
      onSuccess(saved) {
        if (saved.isSaved) router.push(routes.pool(org.slug, saved.poolId));
        else refuse(saved.problems);
      },
      onSettled: () => queries.invalidateQueries({ queryKey: trpc.pools.pathKey() }),
    }),
  );
  const problems = problemsByName({ preview, touched: entry.touched }, refused);
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
  return (
    <div className="grid gap-x-10 gap-y-7 xl:grid-cols-[minmax(0,1fr)_minmax(320px,420px)]">
      <form
        ref={form}
        className="min-w-0 max-w-2xl"
        noValidate
        onSubmit={(event: FormEvent) => {
          event.preventDefault();
          save.mutate(input);
        }}
      >
        {poolId === null ? (
          <Section title="Its name">
            <Field
              label="Name"
              required
              mono
              value={entry.name}
              onChange={(event) => entry.rename(event.target.value)}
              placeholder="linux"
              autoComplete="off"
              spellCheck={false}
              help="Its workers are called by it and a number; builders name it under pools."
              problem={problems.name ? `It ${problems.name}.` : null}
            />
          </Section>
        ) : null}
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
            <Folded
              title="More of the machines"
              fields={[...sections.moreMachine, ...sections.life, ...sections.moreLife]}
              problems={problems}
            >
              <OptionFields
                fields={[...sections.moreMachine, ...sections.life, ...sections.moreLife]}
                state={state}
              />
            </Folded>
          </Section>
        ) : null}
        <Section title="Like any worker">
          <Folded
            title={`${common.length} options that every worker has`}
            fields={common}
            problems={problems}
            isOpen={common.some(({ name }) => isSet(name))}
          >
            <OptionFields fields={common} state={state} />
          </Folded>
        </Section>
        <div className="mt-7 space-y-3">
          <Problem error={save.error} />
          {refused && refused.length > 0 ? (
            <Refused problems={refused} fields={entry.fields} />
          ) : null}
          <div className="flex flex-wrap items-center gap-3">
            <Button type="submit" look="primary" disabled={save.isPending}>
              {poolId === null ? "Make the pool" : "Save"}
            </Button>
            <span className="text-xs text-muted">
              A new version of the organisation's configuration, with your name.
            </span>
          </div>
        </div>
      </form>
      <div className="min-w-0 space-y-7">
        {kind.isLatent ? (
          <TestPanel entry={tried} testId={testId} onTest={setTest} onProblems={refuse} />
        ) : null}
        <Yaml text={preview?.yaml ?? null} />
      </div>
    </div>
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
