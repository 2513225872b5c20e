"use client";

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTRPC } from "@/app/_client/trpc";
import { replaceQuery, setOrDelete, useQueryText } from "@/app/_client/url-state";
import { useOrg } from "@/app/_shell/org";
import type { WorkerKind } from "@/server/api/workers/settings";
import { WorkerForm } from "../configure/worker-form";
import { AddView } from "./add-view";

/** First what kind of worker: a machine of the reader's own, or machines made when a build wants one. */
export function AddPageView() {
  const org = useOrg();
  const trpc = useTRPC();
  const { data: kinds } = useQuery(trpc.workers.kinds.queryOptions({ org: org.slug }));
  const isMade = useQueryText("worker") !== "";
  const latent = kinds?.kinds.filter(({ isLatent }) => isLatent) ?? [];
  // The address follows a moment later.
  const [asked, choose] = useState(useQueryText("kind"));
  const type = latent.find((kind) => kind.type === asked)?.type ?? null;
  const mayChoose = !isMade && latent.length > 0;
  const isLatent = mayChoose && kinds !== undefined && type !== null;
  // One place for what a reader's own machine needs: it holds a password that is shown this once.
  return (
    <>
      {mayChoose ? (
        <KindChooser
          latent={latent}
          chosen={type}
          onChoose={(next) => {
            choose(next ?? "");
            replaceQuery((query) => setOrDelete(query, "kind", next));
          }}
        />
      ) : null}
      {isLatent ? (
        <WorkerForm key={type} kinds={kinds} type={type} workerId={null} />
      ) : (
        <Own key="own" />
      )}
    </>
  );
}

function Own() {
  return (
    <div className="max-w-3xl">
      <AddView />
    </div>
  );
}

export function KindChooser(props: {
  /** Of the first choice: nothing is made by Slipway. */
  own?: { readonly title: string; readonly description: string };
  legend?: string;
  latent: readonly WorkerKind[];
  chosen: string | null;
  onChoose: (type: string | null) => void;
}) {
  const options = [
    {
      type: null,
      ...(props.own ?? {
        title: "A machine of yours",
        description: "It is there, you start a worker on it, and it connects.",
      }),
    },
    ...props.latent.map(({ type, title, description }) => ({
      type,
      title: title ?? type,
      description: description ?? "Made when a build wants it.",
    })),
  ];
  return (
    <fieldset className="mb-7">
      <legend className="label mb-2">{props.legend ?? "What kind of worker"}</legend>
      <div className="grid gap-2 sm:grid-cols-2 xl:grid-cols-4">
        {options.map(({ type, title, description }) => (
          <label
            key={type ?? ""}
            className="flex cursor-pointer items-start gap-2.5 rounded-md border border-line-strong bg-raised px-3 py-2 hover:bg-hover has-checked:border-accent has-checked:bg-accent-soft has-focus-visible:outline-2 has-focus-visible:outline-accent"
          >
            <input
              type="radio"
              name="kind"
              className="mt-1 accent-(--accent)"
              checked={props.chosen === type}
              onChange={() => props.onChoose(type)}
            />
            <span className="min-w-0">
              <span className="block font-medium">{title}</span>
              <span className="block text-xs text-muted">{description}</span>
              {type === null ? null : <code className="num block text-xs text-muted">{type}</code>}
            </span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
