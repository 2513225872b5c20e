"use client";

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useTRPC } from "@/app/_client/trpc";
import { Status } from "@/app/_features/status";
import { useOrg } from "@/app/_shell/org";
import { Button } from "@/app/_ui/button";
import { Field } from "@/app/_ui/field";
import { Problem } from "@/app/_ui/problem";
import type { RepositoryCheck } from "@/server/api/repositories/check";
import { REPOSITORY_PROBLEMS, type RefusedRepository } from "@/server/domain/git";
import { Credentials, type GivenCredentials } from "./credentials";

/** Problems of which what was said tells more than the sentence does. */
const WORTH_QUOTING = ["failed", "not-allowed", "unknown-host-key", "too-big"];
const ASK_EVERY_MS = 500;
/** Problems that credentials may solve. */
const WANTS_CREDENTIALS = ["asks-password", "refuses-password", "refuses-key", "no-repository"];

/** The address, and what is there. The answer comes from `jobs`, which may reach what we may not. */
export function Source({ check }: { check: RepositoryCheck | null }) {
  const org = useOrg();
  const trpc = useTRPC();
  const queries = useQueryClient();
  const [url, setUrl] = useState(check?.repourl ?? "");
  const status = trpc.welcome.status.queryKey({ org: org.slug });
  const refresh = () => queries.invalidateQueries({ queryKey: status });
  const ask = useMutation(trpc.repositories.check.mutationOptions({ onSettled: refresh }));
  const isWaiting = check !== null && check.answer === null;
  const waited = useQuery({
    ...trpc.repositories.answer.queryOptions({ org: org.slug, checkId: check?.id ?? 1 }),
    enabled: isWaiting,
    refetchInterval: ASK_EVERY_MS,
  });
  const hasAnswer = isWaiting && waited.data?.id === check.id && waited.data.answer !== null;
  useEffect(() => {
    if (hasAnswer) void queries.invalidateQueries({ queryKey: status });
  }, [hasAnswer, queries, status]);
  const look = (repourl: string, credentials: GivenCredentials | null) => {
    setUrl(repourl);
    ask.mutate({ org: org.slug, repourl, branch: null, credentials });
  };
  const answer = check !== null && check.repourl === url.trim() ? check.answer : null;
  const redirectedTo = answer?.kind === "refused" ? answer.redirectedTo : null;
  const isLooking = ask.isPending || (isWaiting && check.repourl === url.trim());
  return (
    <div className="space-y-3">
      <form
        className="flex flex-wrap items-end gap-2"
        onSubmit={(event) => {
          event.preventDefault();
          look(url.trim(), null);
        }}
      >
        <Field
          className="min-w-0 grow basis-72"
          label="Repository"
          required
          mono
          value={url}
          onChange={(event) => setUrl(event.target.value)}
          placeholder="https://git.example.org/group/project.git"
          autoComplete="off"
          spellCheck={false}
        />
        <Button
          type="submit"
          look={answer?.kind === "found" ? "plain" : "primary"}
          disabled={isLooking}
        >
          Look at it
        </Button>
      </form>
      <Problem error={ask.error} />
      <div role="status" className="space-y-3">
        {isLooking ? <Status state="running" word="Asking it for its branches" /> : null}
        {answer?.kind === "refused" && !isLooking ? <Refused answer={answer} /> : null}
        {answer?.kind === "found" && !isLooking ? (
          <p>
            <Status
              state="success"
              word={`A Git repository, with ${answer.isCut ? "more than " : ""}${branches(answer.branches.length)}`}
            />
          </p>
        ) : null}
      </div>
      {redirectedTo !== null ? (
        <p className="flex flex-wrap items-center gap-2">
          <span>
            It leads to <code className="num break-all">{redirectedTo}</code>.
          </span>
          <Button small onClick={() => look(redirectedTo, null)}>
            Use that address
          </Button>
        </p>
      ) : null}
      {answer?.kind === "refused" && WANTS_CREDENTIALS.includes(answer.problem) ? (
        <Credentials
          key={check?.id}
          isSsh={answer.problem === "refuses-key"}
          isBusy={isLooking}
          isOpen={answer.problem !== "no-repository"}
          onGiven={(given) => look(url.trim(), given)}
        />
      ) : null}
    </div>
  );
}

const branches = (count: number) =>
  count === 0 ? "nothing in it yet" : `${count} ${count === 1 ? "branch" : "branches"}`;

function Refused({ answer }: { answer: RefusedRepository }) {
  const { says, advice } = REPOSITORY_PROBLEMS[answer.problem];
  return (
    <div className="border-l-2 border-red pl-3">
      <p className="font-medium">{says}</p>
      <p className="text-muted">{advice}</p>
      {answer.detail && WORTH_QUOTING.includes(answer.problem) ? (
        <p className="num mt-1 text-xs break-words text-muted">{answer.detail}</p>
      ) : null}
    </div>
  );
}
