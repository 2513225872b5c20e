"use client";

import { useMutation, useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { useState } from "react";
import { useLive } from "@/app/_client/live";
import { routes } from "@/app/_client/navigation";
import { useTRPC } from "@/app/_client/trpc";
import { Ladder, type Rung } from "@/app/_features/ladder";
import { type StateName, Status } from "@/app/_features/status";
import { useOrg } from "@/app/_shell/org";
import { Button } from "@/app/_ui/button";
import { Field } from "@/app/_ui/field";
import { Section } from "@/app/_ui/page-head";
import { Problem } from "@/app/_ui/problem";
import { Duration } from "@/app/_ui/time";
import type { DriverTestRow } from "@/server/api/workers/driver-test";
import type { OptionProblem } from "@/server/api/workers/settings";
import type { StageReport, TestStage } from "@/server/domain/latent";
import type { WorkerEntry } from "./use-entry";

const TITLES: Readonly<Record<TestStage, string>> = {
  reach: "reach the provider",
  authenticate: "be let in",
  find: "find what a machine is made of",
  start: "start one machine",
  login: "its worker logs in",
  stop: "stop it",
};

/** Tries what stands in the form with the real provider, stage by stage, and leaves nothing behind. */
export function TestPanel(props: {
  entry: Pick<WorkerEntry, "name" | "input" | "preview">;
  testId: number | null;
  onTest: (testId: number | null) => void;
  onProblems: (problems: readonly OptionProblem[]) => void;
}) {
  const { entry, testId, onTest, onProblems } = props;
  const org = useOrg();
  const trpc = useTRPC();
  const query = trpc.workers.testOf.queryOptions({ org: org.slug, testId: testId ?? 1 });
  const { data: test } = useQuery({ ...query, enabled: testId !== null });
  useLive(testId === null ? ["config"] : [`drivertest:${testId}`], [query.queryKey], 100);
  const ask = useMutation(
    trpc.workers.test.mutationOptions({
      onSuccess(asked) {
        if (asked.isAsked) onTest(asked.testId);
        else onProblems(asked.problems);
      },
    }),
  );
  const [answers, setAnswers] = useState<Readonly<Record<string, string>>>({});
  const asks = entry.preview?.asks ?? [];
  const cancel = useMutation(trpc.workers.cancelTest.mutationOptions());
  const isRunning = testId !== null && (test === undefined || test.endedAt === null);
  return (
    <Section title="Test" note="one real machine, started and stopped again">
      {asks.length > 0 ? (
        <Answers
          asks={asks}
          answers={answers}
          onAnswer={(ask, text) => setAnswers((before) => ({ ...before, [ask]: text }))}
        />
      ) : null}
      <div className="mb-3 flex flex-wrap items-center gap-2">
        <Button
          disabled={ask.isPending || isRunning || entry.name.trim() === ""}
          onClick={() => {
            const given = asks.map((name) => [name, answers[name] ?? ""]);
            ask.mutate({ ...entry.input, answers: Object.fromEntries(given) });
          }}
        >
          {testId === null ? "Test these settings" : "Test again"}
        </Button>
        {isRunning ? (
          <Button
            look="danger"
            disabled={cancel.isPending || cancel.isSuccess}
            onClick={() => testId !== null && cancel.mutate({ org: org.slug, testId })}
          >
            Cancel
          </Button>
        ) : null}
        <span role="status">{test ? <Outcome test={test} /> : null}</span>
      </div>
      {testId === null && !ask.error ? (
        <p className="text-xs text-muted">
          Nothing is saved by it, except hidden values that are new: these go to the secret store.
        </p>
      ) : null}
      <Problem error={ask.error ?? cancel.error} />
      {test && test.stages.length > 0 ? (
        <Ladder label="Stages of the test" rungs={test.stages.map(rung)} />
      ) : null}
      {test?.instanceId ? (
        <p className="mt-2 text-xs">
          <Link className="link" href={routes.instance(org.slug, test.instanceId)}>
            Its machine
          </Link>
        </p>
      ) : null}
    </Section>
  );
}

/** What the options take from a build, which a test has none of. */
function Answers(props: {
  asks: readonly string[];
  answers: Readonly<Record<string, string>>;
  onAnswer: (ask: string, text: string) => void;
}) {
  return (
    <fieldset className="mb-4 space-y-3">
      <legend className="mb-2 text-xs text-muted">
        These options depend on the build. What would it have? Left empty: nothing.
      </legend>
      {props.asks.map((name) => (
        <Field
          key={name}
          label={`%(${name})s`}
          mono
          value={props.answers[name] ?? ""}
          onChange={(event) => props.onAnswer(name, event.target.value)}
          autoComplete="off"
          spellCheck={false}
        />
      ))}
    </fieldset>
  );
}

const OUTCOMES: Readonly<Record<string, readonly [word: string, state: StateName]>> = {
  passed: ["every stage passed", "success"],
  failed: ["it failed", "failure"],
  cancelled: ["cancelled", "cancelled"],
};

function Outcome({ test }: { test: DriverTestRow }) {
  const [word, state] = OUTCOMES[test.outcome ?? ""] ?? ["it runs", "running" as const];
  return <Status state={state} word={word} title="" />;
}

const STATES = {
  pending: "pending",
  running: "running",
  passed: "success",
  failed: "failure",
  skipped: "pending",
} as const;

function rung(stage: StageReport): Rung {
  const title = stage.covers.map((one) => TITLES[one]).join(", and ");
  return {
    id: stage.covers.join("-"),
    title: (
      <span className="flex items-baseline gap-3">
        <span className="first-letter:uppercase">{title}</span>
        {stage.startedAt === null ? null : (
          <span className="num text-xs font-normal text-muted">
            <Duration from={stage.startedAt} to={stage.endedAt} />
          </span>
        )}
      </span>
    ),
    state: STATES[stage.state],
    body:
      stage.says === null ? (
        stage.state === "skipped" ? (
          <p className="text-xs text-muted">It did not come to that.</p>
        ) : null
      ) : (
        <div className="space-y-1">
          <p
            className={`max-h-96 overflow-y-auto whitespace-pre-wrap break-words ${stage.state === "failed" ? "" : "text-muted"}`}
          >
            {stage.says}
          </p>
          {stage.advice ? <p className="text-muted">{stage.advice}</p> : null}
        </div>
      ),
  };
}
