"use client";

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useTRPC } from "@/app/_client/trpc";
import { useOrg } from "@/app/_shell/org";
import { Button } from "@/app/_ui/button";
import { Problem } from "@/app/_ui/problem";
import { Ago } from "@/app/_ui/time";
import { ActivateDialog } from "./activate-dialog";
import { CodeEditor, type EditorHandle } from "./code-editor";
import { ConflictDialog } from "./conflict-dialog";
import { type Draft, dropDraft, keepDraft, readDraft } from "./draft";
import { EXAMPLE_FILE, exampleProject } from "./examples";
import { type Finding, Findings } from "./findings";
import { keyOfTarget, type Target, targetOf, titleOfTarget } from "./target";

const CHECK_AFTER_MS = 500;

interface Written {
  readonly text: string;
  /** Revision and text that it began with. */
  readonly base: number;
  readonly baseText: string;
}

/**
 * One document, edited: checked while one types by the same rules as at activation, kept as a draft
 * in this browser, activated with the difference shown, and merged when somebody was quicker.
 */
export function Workbench({ target }: { target: Target }) {
  const org = useOrg();
  const trpc = useTRPC();
  const queries = useQueryClient();
  const key = keyOfTarget(target);
  const query = trpc.config.current.queryOptions({ org: org.slug, target });
  const { data } = useQuery(query);
  const { data: words } = useQuery(trpc.config.vocabulary.queryOptions({ org: org.slug }));
  const stored: Written = useMemo(
    () => ({ text: data?.text ?? "", base: data?.revision ?? 0, baseText: data?.text ?? "" }),
    [data],
  );
  const [written, setWritten] = useState(stored);
  const [version, setVersion] = useState(0);
  const [draft, setDraft] = useState<Draft | null>(null);
  const [findings, setFindings] = useState<readonly Finding[]>([]);
  const [isAsking, setAsking] = useState(false);
  const editor = useRef<EditorHandle>(null);
  const { text, base, baseText } = written;
  const isChanged = text !== baseText;

  const show = useCallback((next: Written) => {
    setWritten(next);
    setVersion((current) => current + 1);
  }, []);
  const type = (next: string) => {
    setWritten({ ...written, text: next });
    if (next === baseText) dropDraft(org.slug, key);
    else keepDraft(org.slug, key, { text: next, base });
  };

  // biome-ignore lint/correctness/useExhaustiveDependencies: looked for once, when the page opens
  useEffect(() => {
    const found = readDraft(org.slug, key);
    if (found && found.text !== stored.text) setDraft(found);
  }, []);

  const vocabulary = useMemo(() => {
    if (!words) return null;
    const which = target === "all" ? "file" : target === "organization" ? target : "project";
    return { schema: words.schemas[which], names: words.names };
  }, [words, target]);

  const check = useMutation(
    trpc.config.check.mutationOptions({
      onSuccess: (answer, asked) => {
        if (asked.text === latestText.current) setFindings(asFindings(answer));
      },
    }),
  );
  const latestText = useRef(text);
  latestText.current = text;
  const { mutate: checkNow } = check;
  useEffect(() => {
    if (!isChanged) return setFindings([]);
    const ask = () => checkNow({ org: org.slug, target: targetOf(key), text });
    const timer = setTimeout(ask, CHECK_AFTER_MS);
    return () => clearTimeout(timer);
  }, [text, isChanged, checkNow, org.slug, key]);

  const activate = useMutation(
    trpc.config.activate.mutationOptions({
      onSuccess: async (answer) => {
        if (answer.isApplied || answer.stale || answer.errors.length > 0) setAsking(false);
        if (!answer.isApplied)
          return setFindings(asFindings({ errors: answer.errors, warnings: [] }));
        dropDraft(org.slug, key);
        const fresh = await queries.fetchQuery({ ...query, staleTime: 0 });
        show({ text: fresh.text, base: fresh.revision, baseText: fresh.text });
        void queries.invalidateQueries();
      },
    }),
  );
  const answer = activate.data;
  const stale = answer && !answer.isApplied ? answer.stale : null;

  const save = async () => {
    if (!isChanged || activate.isPending) return;
    try {
      // The check of what was typed last may begin behind this one; its answer counts all the same.
      const { errors } = await check.mutateAsync({ org: org.slug, target, text });
      if (errors.length === 0 && latestText.current === text) setAsking(true);
    } catch {
      // It is shown as the error of the check.
    }
  };
  const errors = findings.filter(({ severity }) => severity === "error").length;
  const isEmpty = baseText === "" && text === "";
  return (
    <div className="space-y-3">
      <div className="flex flex-wrap items-center gap-2">
        <Button
          look="primary"
          disabled={!isChanged || errors > 0 || activate.isPending}
          onClick={save}
        >
          Check and activate
        </Button>
        <Button
          disabled={!isChanged}
          onClick={() => {
            dropDraft(org.slug, key);
            setFindings([]);
            show(stored);
          }}
        >
          Undo all changes
        </Button>
        {isEmpty && target !== "organization" ? (
          <Button
            onClick={() => {
              const [worker] = words?.names.workers ?? [];
              const example = target === "all" ? EXAMPLE_FILE : exampleProject(worker);
              show({ ...written, text: example });
            }}
          >
            Begin with an example
          </Button>
        ) : null}
        <span role="status" className="text-muted">
          {errors > 0
            ? `${errors} ${errors === 1 ? "error" : "errors"}`
            : isChanged
              ? "Changed, not active yet; kept in this browser"
              : answer?.isApplied
                ? summary(answer.applied)
                : base === 0
                  ? "Nothing is configured yet"
                  : `Revision ${base} is active`}
        </span>
      </div>
      {draft ? (
        <div className="flex flex-wrap items-center gap-2 rounded-md border border-amber bg-amber-soft px-3 py-2">
          <span>
            You wrote something here <Ago at={draft.savedAt} /> and did not activate it.
          </span>
          <Button
            small
            onClick={() => {
              // What it began with may have moved on; then activation says so, and both can be merged.
              show({ text: draft.text, base: draft.base, baseText: stored.text });
              setDraft(null);
            }}
          >
            Go on with it
          </Button>
          <Button
            small
            onClick={() => {
              dropDraft(org.slug, key);
              setDraft(null);
            }}
          >
            Throw it away
          </Button>
        </div>
      ) : null}
      <Problem error={activate.error ?? check.error} />
      <CodeEditor
        version={version}
        text={text}
        label={
          target === "all"
            ? "Configuration as YAML"
            : `Configuration of ${titleOfTarget(target)} as YAML`
        }
        marks={findings}
        vocabulary={vocabulary}
        onChange={type}
        onSave={save}
        handle={editor}
      />
      <Findings
        findings={findings}
        onGo={({ line, column }) => editor.current?.goTo(line, column)}
      />
      <p className="text-xs text-muted">
        Ctrl or Cmd with S checks and activates, with Space completes; Escape, then Tab leaves the
        editor.
      </p>
      {isAsking ? (
        <ActivateDialog
          before={baseText}
          after={text}
          isBusy={activate.isPending}
          error={activate.error}
          onClose={() => setAsking(false)}
          onConfirm={(comment) => activate.mutate({ org: org.slug, target, text, base, comment })}
        />
      ) : null}
      {stale ? (
        <ConflictDialog
          said={stale.said}
          mine={text}
          theirs={stale.theirs}
          onClose={() => activate.reset()}
          onChoose={(chosen) => {
            activate.reset();
            show({ text: chosen, base: stale.revision, baseText: stale.theirs });
            if (chosen === stale.theirs) dropDraft(org.slug, key);
            else keepDraft(org.slug, key, { text: chosen, base: stale.revision });
          }}
        />
      ) : null}
    </div>
  );
}

interface Place {
  readonly path: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

function asFindings(answer: {
  readonly errors: readonly Place[];
  readonly warnings: readonly Place[];
}): Finding[] {
  return [
    ...answer.errors.map((error) => ({ ...error, severity: "error" as const })),
    ...answer.warnings.map((warning) => ({ ...warning, severity: "warning" as const })),
  ];
}

function summary(applied: {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
}): string {
  const parts = [
    ...applied.added.map((name) => `+ ${name}`),
    ...applied.changed.map((name) => `~ ${name}`),
    ...applied.removed.map((name) => `− ${name}`),
  ];
  return parts.length === 0
    ? "Active. Nothing that runs has changed"
    : `Active: ${parts.join(", ")}`;
}
