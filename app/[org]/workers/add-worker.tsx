"use client";

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import Link from "next/link";
import { useState } from "react";
import { useLive } from "@/app/_client/live";
import { routes } from "@/app/_client/navigation";
import { useTRPC } from "@/app/_client/trpc";
import { Status } from "@/app/_features/status";
import { useOrg } from "@/app/_shell/org";
import { Button, buttonClass } from "@/app/_ui/button";
import { Dialog } from "@/app/_ui/dialog";
import { Field } from "@/app/_ui/field";
import { fieldProblems, Problem } from "@/app/_ui/problem";
import { ConnectCommands } from "./connect";

/** Name in, command out; turns green when the worker connects. */
export function AddWorker(props: { onClose: () => void }) {
  const org = useOrg();
  const trpc = useTRPC();
  const queries = useQueryClient();
  const [name, setName] = useState("");
  const [max, setMax] = useState("");
  const add = useMutation(
    trpc.workers.add.mutationOptions({
      onSettled: () => queries.invalidateQueries({ queryKey: trpc.workers.pathKey() }),
    }),
  );
  const wrong = fieldProblems(add.error);
  if (add.data) {
    return (
      <Dialog title={`Connect ${name}`} onClose={props.onClose} wide>
        <Waiting workerId={add.data.workerId} password={add.data.password} />
        <div className="mt-4 flex justify-end gap-2">
          <Link
            className={buttonClass("plain")}
            href={routes.worker(org.slug, add.data.workerId)}
            onClick={props.onClose}
          >
            Its page
          </Link>
          <Button look="primary" onClick={props.onClose}>
            Done
          </Button>
        </div>
      </Dialog>
    );
  }
  return (
    <Dialog title="Add a worker" onClose={props.onClose}>
      <form
        className="space-y-4"
        onSubmit={(event) => {
          event.preventDefault();
          add.mutate({ org: org.slug, name, maxBuilds: max === "" ? null : Number(max) });
        }}
      >
        <Field
          label="Name"
          required
          mono
          value={name}
          onChange={(event) => setName(event.target.value)}
          placeholder="linux-1"
          autoComplete="off"
          // biome-ignore lint/a11y/noAutofocus: the first field of a dialog that was just asked for
          autoFocus
          help="Builders name it in workernames."
          problem={wrong.name}
        />
        <Field
          label="Builds at once"
          type="number"
          min={1}
          max={1000}
          value={max}
          onChange={(event) => setMax(event.target.value)}
          placeholder="no limit"
          problem={wrong.maxBuilds}
        />
        <Problem error={add.error} />
        <div className="flex justify-end gap-2">
          <Button onClick={props.onClose}>Close</Button>
          <Button type="submit" look="primary" disabled={add.isPending}>
            Add it
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

export function Waiting(props: { workerId: number; password: string }) {
  const org = useOrg();
  const trpc = useTRPC();
  const query = trpc.workers.one.queryOptions({ org: org.slug, workerId: props.workerId });
  const { data } = useQuery(query);
  useLive(["workers", `worker:${props.workerId}`], [query.queryKey]);
  const refused = data && !data.isConnected ? data.door[0] : undefined;
  return (
    <div className="space-y-3">
      <p className="border-l-2 border-amber pl-3">
        The password is shown this once; only its sealed form is kept.
      </p>
      <ConnectCommands workerId={props.workerId} password={props.password} />
      <div
        role="status"
        className={`rounded-md px-3 py-2 ${data?.isConnected ? "bg-green-soft" : "bg-sunken"}`}
      >
        {data?.isConnected ? (
          <Status state="idle" word="It is connected. It can build." />
        ) : (
          <Status state="waiting" word="Waiting for it to connect" />
        )}
        {refused ? (
          <p className="mt-1 text-amber">
            Somebody knocked from {refused.peer} and was refused: {refused.detail}.
          </p>
        ) : null}
      </div>
    </div>
  );
}
