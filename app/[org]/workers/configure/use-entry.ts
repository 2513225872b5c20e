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

/** What stands in the form of a worker, and what the server makes of it while it is written. */
export function useEntry(props: {
  kind: WorkerKind;
  defs: Readonly<Record<string, JsonSchema>>;
  workerId: number | null;
  /** As the document has it; empty for a new one. */
  original: Options;
}) {
  const { kind, defs, workerId, original } = props;
  const org = useOrg();
  const trpc = useTRPC();
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
      workerId,
      type: kind.type,
      name: name.trim(),
      options: writtenOf(fields, drafts, original, touched).map((one) => ({
        ...one,
        path: [...one.path],
        value: one.value as never,
      })),
    }),
    [org.slug, workerId, kind.type, name, fields, drafts, original, touched],
  );
  const { mutate, data: preview } = useMutation(trpc.workers.preview.mutationOptions());
  useEffect(() => {
    const timer = setTimeout(() => mutate(input), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [input, mutate]);
  return {
    fields,
    name,
    drafts,
    touched,
    input,
    preview,
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

export type WorkerEntry = ReturnType<typeof useEntry>;
