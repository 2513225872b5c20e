"use client";

import { useEffect, useRef, useState } from "react";
import { buildState, look, stepState } from "@/app/_features/status";
import type { BuildPage, StepRow } from "@/server/api/builds/one";

/** Says the end of each step, and of the build, to a screen reader. Politely. */
export function Announcer(props: { build: BuildPage; steps: readonly StepRow[] }) {
  const { build, steps } = props;
  const seen = useRef<Map<number, string> | null>(null);
  const wasOver = useRef(build.state === "finished");
  const [text, say] = useState("");
  useEffect(() => {
    const before = seen.current;
    seen.current = new Map(steps.map((step) => [step.id, step.state]));
    if (before === null) return;
    const ended = steps.filter(
      (step) => step.state === "finished" && before.get(step.id) !== "finished",
    );
    const words = ended.map((step) => `${step.name}: ${look(stepState(step)).word}`);
    if (build.state === "finished" && !wasOver.current) {
      words.push(`The build is over: ${look(buildState(build)).word}`);
    }
    wasOver.current = build.state === "finished";
    if (words.length > 0) say(words.join(". "));
  }, [steps, build]);
  return (
    <p className="sr-only" aria-live="polite">
      {text}
    </p>
  );
}
