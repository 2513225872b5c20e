"use client";

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useId, useState } from "react";
import { useTRPC } from "@/app/_client/trpc";
import { useOrg } from "@/app/_shell/org";
import { Button } from "@/app/_ui/button";
import { Field } from "@/app/_ui/field";
import { Problem } from "@/app/_ui/problem";
import type { RepositoryCheck } from "@/server/api/repositories/check";
import type { WelcomeWorker } from "@/server/api/welcome/status";
import type { FoundRepository } from "@/server/domain/git";
import { commandsIn, projectNameOf, projectYaml } from "./project-yaml";
import { suggestionsFor } from "./suggestions";

interface Props {
  readonly check: RepositoryCheck;
  readonly found: FoundRepository;
  readonly workers: readonly WelcomeWorker[];
  readonly onBegun: () => void;
}

/** Branch, commands, workers in; a document out, which may be changed before it is activated. */
export function Project({ check, found, workers, onBegun }: Props) {
  const suggestions = suggestionsFor(found.files ?? []);
  const [name, setName] = useState(() => projectNameOf(check.repourl));
  const [branch, setBranch] = useState(
    check.branch ?? found.defaultBranch ?? found.branches[0] ?? "main",
  );
  const [commands, setCommands] = useState(suggestions[0]?.commands.join("\n") ?? "");
  const known = workers.filter(({ isConnected }) => isConnected);
  const offered = known.length > 0 ? known : workers;
  const [dropped, setDropped] = useState<readonly string[]>([]);
  const chosen = offered.map((worker) => worker.name).filter((one) => !dropped.includes(one));
  const draft = projectYaml({
    project: name.trim() || "project",
    repourl: check.repourl,
    branch,
    credentials: check.credentials,
    workers: chosen,
    commands: commandsIn(commands),
  });
  const list = useId();
  const area = useId();
  const isReady = commandsIn(commands).length > 0 && chosen.length > 0;
  return (
    <div className="space-y-4">
      <div className="grid gap-3 sm:grid-cols-2">
        <Field
          label="Project"
          required
          value={name}
          onChange={(event) => setName(event.target.value)}
          autoComplete="off"
          spellCheck={false}
        />
        <div>
          <Field
            label="Branch"
            required
            mono
            list={list}
            value={branch}
            onChange={(event) => setBranch(event.target.value)}
            autoComplete="off"
            spellCheck={false}
          />
          <datalist id={list}>
            {found.branches.map((one) => (
              <option key={one} value={one} />
            ))}
          </datalist>
        </div>
      </div>
      <div className="space-y-2">
        <label htmlFor={area} className="block text-xs font-medium text-muted">
          Commands, one a line: each is a step, run by a shell in the checkout
        </label>
        <textarea
          id={area}
          rows={4}
          value={commands}
          onChange={(event) => setCommands(event.target.value)}
          spellCheck={false}
          placeholder="make test"
          className="field font-mono text-[12.5px]"
        />
        {suggestions.length > 0 ? (
          <p className="flex flex-wrap items-center gap-2 text-muted">
            By what lies in it:
            {suggestions.map(({ title, commands: suggested }) => (
              <Button key={title} small onClick={() => setCommands(suggested.join("\n"))}>
                {title}
              </Button>
            ))}
          </p>
        ) : found.filesProblem !== null ? (
          <p className="text-xs text-muted">
            No suggestions: its files could not be looked at ({found.filesProblem}).
          </p>
        ) : null}
      </div>
      {offered.length > 0 ? (
        <fieldset className="flex flex-wrap gap-x-5 gap-y-1">
          <legend className="mb-1 text-xs font-medium text-muted">Workers</legend>
          {offered.map((worker) => (
            <label key={worker.id} className="flex min-h-7 items-center gap-2">
              <input
                type="checkbox"
                checked={chosen.includes(worker.name)}
                onChange={(event) =>
                  setDropped(
                    event.target.checked
                      ? dropped.filter((one) => one !== worker.name)
                      : [...dropped, worker.name],
                  )
                }
              />
              {worker.name}
            </label>
          ))}
        </fieldset>
      ) : (
        <p className="text-muted">A builder needs a worker: connect or add one first.</p>
      )}
      {isReady ? (
        <Document draft={draft} repository={check.repourl} branch={branch} onBegun={onBegun} />
      ) : null}
    </div>
  );
}

/** What is activated, as it is. Typing in it parts it from the form above. */
function Document(props: {
  draft: string;
  repository: string;
  branch: string;
  onBegun: () => void;
}) {
  const org = useOrg();
  const trpc = useTRPC();
  const queries = useQueryClient();
  const [own, setOwn] = useState<string | null>(null);
  const [key] = useState(() => crypto.randomUUID());
  const begin = useMutation(
    trpc.welcome.begin.mutationOptions({
      async onSuccess(answer) {
        await queries.invalidateQueries();
        if (answer.isBegun) props.onBegun();
      },
    }),
  );
  const area = useId();
  const text = own ?? props.draft;
  const errors = begin.data?.isBegun === false ? begin.data.errors : [];
  return (
    <div className="space-y-3">
      <div>
        <div className="mb-1 flex min-h-7 flex-wrap items-center gap-x-3">
          <label htmlFor={area} className="text-xs font-medium text-muted">
            This is what will be activated; you may change it here, and later
          </label>
          {own === null ? null : (
            <Button small look="quiet" onClick={() => setOwn(null)}>
              Back to the form
            </Button>
          )}
        </div>
        <textarea
          id={area}
          value={text}
          onChange={(event) => setOwn(event.target.value)}
          rows={text.split("\n").length}
          wrap="off"
          spellCheck={false}
          aria-invalid={errors.length > 0 ? true : undefined}
          className="field relative overflow-x-auto bg-sunken! font-mono text-xs leading-5"
        />
      </div>
      {errors.length > 0 ? (
        <ul role="alert" className="space-y-1 text-red">
          {errors.map((error) => (
            <li key={`${error.line}:${error.path}:${error.message}`}>
              Line {error.line}: <span className="num text-xs">{error.path}</span> {error.message}
            </li>
          ))}
        </ul>
      ) : null}
      <Problem error={begin.error} />
      <Button
        look="primary"
        disabled={begin.isPending}
        onClick={() =>
          begin.mutate({
            org: org.slug,
            text,
            repository: props.repository,
            branch: props.branch,
            idempotencyKey: key,
          })
        }
      >
        Activate it and build
      </Button>
    </div>
  );
}
