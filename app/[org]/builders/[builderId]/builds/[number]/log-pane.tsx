"use client";

import { useQuery } from "@tanstack/react-query";
import { bytes } from "@/app/_client/format";
import { useTRPC } from "@/app/_client/trpc";
import { LogViewer } from "@/app/_features/log-viewer";
import { isBad, Status, StatusIcon, stepState } from "@/app/_features/status";
import { useOrg } from "@/app/_shell/org";
import type { BuildPage, LogRef, StepRow } from "@/server/api/builds/one";
import { useLogSource } from "./use-log-source";

/** The log of the step in view; says why there is none. */
export function LogPane(props: {
  build: BuildPage;
  step: StepRow | null;
  log: LogRef | null;
  onLog: (slug: string) => void;
}) {
  const { build, step, log } = props;
  if (step === null) {
    return (
      <section aria-label="Log" className="p-6 text-muted">
        {build.state === "preparing" ? (
          <Status state="preparing" word={build.stateString} />
        ) : (
          "No step has run."
        )}
      </section>
    );
  }
  return (
    <section
      aria-label={`Log of ${step.name}`}
      className="flex min-h-0 min-w-0 flex-col bg-log-bg text-log-fg max-lg:h-[80dvh]"
    >
      <div className="flex h-10 shrink-0 items-center gap-3 border-b border-line px-4">
        <StatusIcon state={stepState(step)} />
        <h2 className="truncate font-semibold">{step.name}</h2>
        {step.logs.length > 1 ? (
          <nav aria-label="Logs of this step" className="flex min-w-0 relative overflow-x-auto">
            {step.logs.map((each) => (
              <button
                key={each.id}
                type="button"
                aria-current={each.id === log?.id ? "true" : undefined}
                onClick={() => props.onLog(each.slug)}
                className="h-10 border-b-2 border-transparent px-2 whitespace-nowrap text-muted hover:text-fg aria-[current]:border-accent aria-[current]:text-fg"
              >
                {each.name}
              </button>
            ))}
          </nav>
        ) : null}
        {log ? (
          <span className="ml-auto text-xs whitespace-nowrap text-muted" suppressHydrationWarning>
            {bytes(log.byteCount, "en")}
          </span>
        ) : null}
      </div>
      {log && log.cutLines > 0 ? (
        <p className="border-b border-line bg-amber-soft px-4 py-1 text-amber">
          {log.cutLines} lines in the middle were left out: the log passed its size limit.
        </p>
      ) : null}
      {log ? (
        <div className="min-h-0 flex-1">
          {isBad(step.result) ? (
            <AtFirstError key={log.id} log={log} title={`${log.name} of step ${step.name}`} />
          ) : (
            <Lines key={log.id} log={log} title={`${log.name} of step ${step.name}`} />
          )}
        </div>
      ) : (
        <NoLog step={step} />
      )}
    </section>
  );
}

/** The log of a failed step opens where it went wrong. */
function AtFirstError(props: { log: LogRef; title: string }) {
  const org = useOrg();
  const trpc = useTRPC();
  const { data, isError } = useQuery({
    ...trpc.logs.openingLine.queryOptions({ org: org.slug, logId: props.log.id }),
    staleTime: Number.POSITIVE_INFINITY,
  });
  if (!data && !isError) return null;
  return <Lines {...props} initialLine={data?.line} />;
}

function Lines(props: { log: LogRef; title: string; initialLine?: number | undefined }) {
  const org = useOrg();
  const source = useLogSource(props.log);
  return (
    <LogViewer
      source={source}
      label={props.title}
      {...(props.initialLine === undefined ? {} : { initialLine: props.initialLine })}
      rawUrl={`/${org.slug}/api/v2/logs/${props.log.id}/raw`}
    />
  );
}

function NoLog({ step }: { step: StepRow }) {
  const text = {
    pending: "Its turn has not come. Lines appear here as soon as it prints them.",
    running: "It runs, and has printed nothing yet.",
    finished: "It printed nothing.",
    skipped: "It did not run, so it printed nothing.",
  }[step.state];
  return (
    <div className="p-6 text-muted">
      <Status state={stepState(step)} />
      <p className="mt-2">{text}</p>
      {step.stateString ? <p className="mt-1">{step.stateString}</p> : null}
    </div>
  );
}
