"use client";

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTRPC } from "@/app/_client/trpc";
import { useOrg } from "@/app/_shell/org";
import { Button } from "@/app/_ui/button";
import { ConfirmDialog } from "@/app/_ui/confirm-dialog";
import { Dialog } from "@/app/_ui/dialog";
import { Empty } from "@/app/_ui/empty";
import { Section } from "@/app/_ui/page-head";
import { Ago } from "@/app/_ui/time";
import { SecretForm } from "./secret-form";

interface Held {
  readonly name: string;
  readonly usedBy: readonly string[];
}

export function SecretsView() {
  const org = useOrg();
  const trpc = useTRPC();
  const queries = useQueryClient();
  const query = trpc.secrets.list.queryOptions({ org: org.slug });
  const { data } = useQuery(query);
  const [replacing, setReplacing] = useState<string | null>(null);
  const [removing, setRemoving] = useState<Held | null>(null);
  const refresh = () => queries.invalidateQueries({ queryKey: query.queryKey });
  const remove = useMutation(
    trpc.secrets.remove.mutationOptions({
      onSuccess: () => setRemoving(null),
      onSettled: refresh,
    }),
  );
  const { secrets = [], missing = [] } = data ?? {};
  return (
    <>
      {missing.length > 0 ? (
        <Missing missing={missing} onSet={(name) => setReplacing(name)} />
      ) : null}
      {secrets.length === 0 ? (
        <Empty title="No secret yet">
          Passwords, keys and tokens that builds need. Set one below, then name it in the
          configuration as <code className="num">%(secret:NAME)s</code>; logs show it as •••.
        </Empty>
      ) : (
        <table className="rows">
          <thead className="max-md:sr-only">
            <tr>
              <th>Name</th>
              <th>Used by</th>
              <th className="max-sm:hidden">Set</th>
              <th>
                <span className="sr-only">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {secrets.map((secret) => (
              <tr key={secret.name}>
                <th scope="row" className="num break-all">
                  {secret.name}
                </th>
                <td className="text-muted">
                  <Users of={secret} />
                </td>
                <td className="text-muted max-sm:hidden">
                  <Ago at={secret.updatedAt} /> by {secret.updatedBy}
                </td>
                <td className="text-right whitespace-nowrap">
                  <Button small look="quiet" onClick={() => setReplacing(secret.name)}>
                    Replace<span className="sr-only"> {secret.name}</span>
                  </Button>
                  <Button small look="quiet" onClick={() => setRemoving(secret)}>
                    Remove<span className="sr-only"> {secret.name}</span>
                  </Button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <Section title="New secret">
        <SecretForm name={null} onDone={refresh} />
      </Section>
      {replacing === null ? null : (
        <Dialog title={`Set ${replacing}`} onClose={() => setReplacing(null)}>
          <SecretForm
            name={replacing}
            onDone={() => {
              setReplacing(null);
              void refresh();
            }}
          />
        </Dialog>
      )}
      {removing ? (
        <ConfirmDialog
          title={`Remove ${removing.name}`}
          action="Remove the secret"
          isBusy={remove.isPending}
          error={remove.error}
          onClose={() => setRemoving(null)}
          onConfirm={() => remove.mutate({ org: org.slug, name: removing.name })}
        >
          {removing.usedBy.length === 0
            ? "No document refers to it. "
            : `${removing.usedBy.join(", ")}: what needs it fails from now on. `}
          This cannot be undone.
        </ConfirmDialog>
      ) : null}
    </>
  );
}

const SHOWN = 3;

function Users({ of: { usedBy } }: { of: Held }) {
  if (usedBy.length === 0) return <>no document</>;
  const rest = usedBy.length - SHOWN;
  return (
    <span title={usedBy.join("\n")}>
      {usedBy.slice(0, SHOWN).join(", ")}
      {rest > 0 ? ` and ${rest} more` : ""}
    </span>
  );
}

/** Named by documents and not set: what uses them fails, so they come first. */
function Missing(props: { missing: readonly Held[]; onSet: (name: string) => void }) {
  return (
    <div role="status" className="mb-4 max-w-3xl border-l-2 border-amber pl-3">
      <p>The configuration names secrets that are not set; what uses them fails.</p>
      <ul className="mt-1 space-y-1">
        {props.missing.map((one) => (
          <li key={one.name}>
            <span className="num break-all">{one.name}</span>{" "}
            <span className="text-muted">
              <Users of={one} />
            </span>{" "}
            <Button small onClick={() => props.onSet(one.name)}>
              Set it<span className="sr-only"> {one.name}</span>
            </Button>
          </li>
        ))}
      </ul>
    </div>
  );
}
