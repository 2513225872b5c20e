"use client";

import { useState } from "react";
import { StatusIcon, stepState } from "@/app/_features/status";
import { Duration } from "@/app/_ui/time";
import type { BuildPage, StepRow } from "@/server/api/builds/one";

/** The steps in their order; the one in view says more. */
export function StepList(props: {
  build: BuildPage;
  chosen: number | null;
  onOpen: (number: number, slug?: string | null) => void;
}) {
  const { build } = props;
  const [showsHidden, showHidden] = useState(false);
  const hidden = build.steps.filter((step) => step.isHidden).length;
  const steps = showsHidden ? build.steps : build.steps.filter((step) => !step.isHidden);
  return (
    <nav
      aria-label="Steps"
      className="overflow-y-auto border-line py-2 max-lg:border-b lg:border-r"
    >
      {steps.length === 0 ? (
        <p className="px-4 py-3 text-muted sm:px-6">
          {build.state === "finished" ? "It ended before its first step." : build.stateString}
        </p>
      ) : null}
      <ol>
        {steps.map((step) => (
          <StepItem
            key={step.id}
            step={step}
            isChosen={step.number === props.chosen}
            onOpen={props.onOpen}
          />
        ))}
      </ol>
      {hidden > 0 ? (
        <button
          type="button"
          className="px-4 py-2 text-xs text-muted hover:text-fg sm:px-6"
          onClick={() => showHidden(!showsHidden)}
        >
          {showsHidden ? "Hide" : "Show"} {hidden} hidden
        </button>
      ) : null}
    </nav>
  );
}

function StepItem(props: {
  step: StepRow;
  isChosen: boolean;
  onOpen: (number: number, slug?: string | null) => void;
}) {
  const { step, isChosen } = props;
  const state = stepState(step);
  const isQuiet = state === "pending" || state === "skipped";
  return (
    <li className={isChosen ? "bg-sunken shadow-[inset_2px_0_0_var(--accent)]" : ""}>
      <button
        type="button"
        aria-current={isChosen ? "step" : undefined}
        onClick={() => props.onOpen(step.number)}
        className={`flex min-h-8 w-full items-center gap-2 px-4 text-left hover:bg-hover sm:px-6 lg:pr-3 lg:pl-5 ${isQuiet ? "text-muted" : ""}`}
      >
        <StatusIcon state={state} label />
        <span className={`min-w-0 flex-1 truncate ${isChosen ? "font-semibold" : ""}`}>
          {step.name}
        </span>
        <span className="text-xs text-muted">
          {isQuiet ? null : <Duration from={step.startedAt} to={step.completeAt} />}
        </span>
      </button>
      {isChosen && (step.stateString || step.urls.length > 0) ? (
        <div className="space-y-1 px-4 pb-2 pl-10 text-xs text-muted sm:pl-12 lg:pr-3 lg:pl-11">
          <p className="break-words">{step.stateString}</p>
          {step.urls.map((link) => (
            <p key={link.url}>
              <a href={link.url} rel="noreferrer" className="link">
                {link.name}
              </a>
            </p>
          ))}
        </div>
      ) : null}
    </li>
  );
}
