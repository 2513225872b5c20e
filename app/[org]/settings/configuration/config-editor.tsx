"use client";

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { useTRPC } from "@/app/_client/trpc";
import { useOrg } from "@/app/_shell/org";
import { Button } from "@/app/_ui/button";
import { Problem } from "@/app/_ui/problem";

interface ConfigError {
  readonly path: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

const EXAMPLE = `workers:
  - type: Worker
    name: linux-1
    password: change-this-password
    max_builds: 2
projects:
  hello:
    description: A first project
    builders:
      - name: hello-tests
        workernames: [linux-1]
        tags: [unit]
        factory:
          - {type: ShellCommand, name: greet, command: [echo, "It floats"]}
          - {type: ShellCommand, name: test, command: "uname -a", haltOnFailure: true}
`;

/**
 * The whole configuration as text. It is checked while one types, each error stands at its line,
 * and activation refuses when somebody else activated meanwhile.
 */
export function ConfigEditor() {
  const org = useOrg();
  const trpc = useTRPC();
  const queries = useQueryClient();
  const query = trpc.config.current.queryOptions({ org: org.slug });
  const { data } = useQuery(query);
  const [text, setText] = useState(data?.text ?? "");
  const [base, setBase] = useState(data?.revision ?? 0);
  const [errors, setErrors] = useState<readonly ConfigError[]>([]);
  const area = useRef<HTMLTextAreaElement>(null);
  const check = useMutation(
    trpc.config.check.mutationOptions({ onSuccess: ({ errors }) => setErrors(errors) }),
  );
  const activate = useMutation(
    trpc.config.activate.mutationOptions({
      onSuccess: async (answer) => {
        if (!answer.isApplied) return setErrors(answer.errors);
        setErrors([]);
        const fresh = await queries.fetchQuery({ ...query, staleTime: 0 });
        setText(fresh.text);
        setBase(fresh.revision);
        void queries.invalidateQueries();
      },
    }),
  );
  const { mutate: checkNow } = check;
  const isChanged = text !== data?.text;
  useEffect(() => {
    if (!isChanged) return;
    const timer = setTimeout(() => checkNow({ org: org.slug, text }), 600);
    return () => clearTimeout(timer);
  }, [text, isChanged, checkNow, org.slug]);

  const goTo = (error: ConfigError) => {
    const lines = text.split("\n");
    const before = lines.slice(0, error.line - 1).reduce((sum, line) => sum + line.length + 1, 0);
    const start = before + Math.max(0, error.column - 1);
    area.current?.focus();
    area.current?.setSelectionRange(start, before + (lines[error.line - 1]?.length ?? 0));
  };
  const applied = activate.data?.isApplied ? activate.data.applied : null;
  return (
    <div className="space-y-3">
      <div className="flex flex-wrap items-center gap-2">
        <Button
          look="primary"
          disabled={activate.isPending || errors.length > 0 || !isChanged}
          onClick={() => activate.mutate({ org: org.slug, text, base })}
        >
          Activate
        </Button>
        <Button
          disabled={!isChanged}
          onClick={() => {
            setText(data?.text ?? "");
            setBase(data?.revision ?? 0);
            setErrors([]);
          }}
        >
          Undo all changes
        </Button>
        {base === 0 && !isChanged ? (
          <Button onClick={() => setText(EXAMPLE)}>Begin with an example</Button>
        ) : null}
        <span role="status" className="text-muted">
          {errors.length > 0
            ? `${errors.length} ${errors.length === 1 ? "error" : "errors"}`
            : applied && !isChanged
              ? summary(applied)
              : isChanged
                ? "Changed, not active yet"
                : base === 0
                  ? "Nothing is configured yet"
                  : `Revision ${base} is active`}
        </span>
      </div>
      <Problem error={activate.error} />
      {errors.length > 0 ? (
        <ol className="border-l-2 border-red pl-3">
          {errors.map((error) => (
            <li key={`${error.line}:${error.column}:${error.message}`}>
              <button
                type="button"
                className="text-left hover:underline"
                onClick={() => goTo(error)}
              >
                <span className="num text-red">
                  line {error.line}, column {error.column}
                </span>{" "}
                {error.message} <span className="num text-xs text-muted">{error.path}</span>
              </button>
            </li>
          ))}
        </ol>
      ) : null}
      <Numbered text={text} errors={errors}>
        <textarea
          ref={area}
          aria-label="Configuration as YAML"
          aria-invalid={errors.length > 0}
          spellCheck={false}
          autoCapitalize="off"
          autoCorrect="off"
          wrap="off"
          value={text}
          rows={Math.max(20, text.split("\n").length + 1)}
          onChange={(event) => setText(event.target.value)}
          className="block w-full resize-none overflow-x-auto overflow-y-hidden bg-transparent py-2 pl-3 font-mono text-[12.5px] leading-5 outline-none"
        />
      </Numbered>
    </div>
  );
}

function Numbered(props: { text: string; errors: readonly ConfigError[]; children: ReactNode }) {
  const wrong = new Map(props.errors.map((error) => [error.line, error.message]));
  return (
    <div className="flex overflow-hidden rounded-md border border-line-strong bg-raised focus-within:border-accent">
      <ol
        aria-hidden="true"
        className="shrink-0 border-r border-line bg-sunken py-2 text-right font-mono text-[12.5px] leading-5 text-muted select-none"
      >
        {props.text.split("\n").map((_, index) => (
          <li
            // biome-ignore lint/suspicious/noArrayIndexKey: a line is its number
            key={index}
            title={wrong.get(index + 1)}
            className={`h-5 min-w-11 pr-2 pl-2 ${wrong.has(index + 1) ? "bg-red-soft font-bold text-red" : ""}`}
          >
            {wrong.has(index + 1) ? "✕ " : ""}
            {index + 1}
          </li>
        ))}
      </ol>
      <div className="min-w-0 flex-1">{props.children}</div>
    </div>
  );
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
