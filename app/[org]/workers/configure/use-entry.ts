"use client";

import { useMutation } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { useTRPC } from "@/app/_client/trpc";
import {
  type Draft,
  draftsOf,
  fieldsOf,
  type OptionField,
  writtenOf,
} from "@/app/_features/schema-form";
import { useOrg } from "@/app/_shell/org";
import type { WorkerKind } from "@/server/api/workers/settings";
import type { JsonSchema } from "@/server/domain/json-schema";

type Options = Readonly<Record<string, unknown>>;

const PAUSE_MS = 250;

interface Entry {
  kind: WorkerKind;
  defs: Readonly<Record<string, JsonSchema>>;
  /** As the document has it; empty for a new one. */
  original: Options;
}

/** What stands in a form of options. */
export function useOptions({ kind, defs, original }: Entry) {
  const org = useOrg();
  const fields: readonly OptionField[] = useMemo(
    () => fieldsOf({ $defs: defs }, kind.schema),
    [defs, kind],
  );
  const [name, rename] = useState(String(original.name ?? ""));
  const [drafts, setDrafts] = useState(() => draftsOf(fields, original));
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set());
  const input = useMemo(
    () => ({
      org: org.slug,
      type: kind.type,
      name: name.trim(),
      options: writtenOf(fields, drafts, original, touched).map((one) => ({
        ...one,
        path: [...one.path],
        value: one.value as never,
      })),
    }),
    [org.slug, kind.type, name, fields, drafts, original, touched],
  );
  return {
    fields,
    name,
    drafts,
    touched,
    input,
    rename(next: string) {
      rename(next);
      setTouched((before) => new Set(before).add("name"));
    },
    change(option: string, draft: Draft) {
      setDrafts((before) => ({ ...before, [option]: draft }));
      setTouched((before) => new Set(before).add(option));
    },
  };
}

/** Calls when the form has not been written in for a moment. */
export function useAfterPause<I>(input: I, call: (input: I) => void): void {
  useEffect(() => {
    const timer = setTimeout(() => call(input), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [input, call]);
}

/** What stands in the form of a worker, and what the server makes of it while it is written. */
export function useEntry({ workerId, ...props }: Entry & { workerId: number | null }) {
  const trpc = useTRPC();
  const options = useOptions(props);
  const input = useMemo(() => ({ ...options.input, workerId }), [options.input, workerId]);
  const { mutate, data: preview } = useMutation(trpc.workers.preview.mutationOptions());
  useAfterPause(input, mutate);
  return { ...options, input, preview };
}

export type OptionsEntry = ReturnType<typeof useOptions>;
export type WorkerEntry = ReturnType<typeof useEntry>;
