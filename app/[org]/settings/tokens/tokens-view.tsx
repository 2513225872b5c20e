"use client";

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTRPC } from "@/app/_client/trpc";
import { useOrg } from "@/app/_shell/org";
import { Button } from "@/app/_ui/button";
import { ConfirmDialog } from "@/app/_ui/confirm-dialog";
import { CommandLine } from "@/app/_ui/copy";
import { Empty } from "@/app/_ui/empty";
import { Field } from "@/app/_ui/field";
import { Section } from "@/app/_ui/page-head";
import { fieldProblems, Problem } from "@/app/_ui/problem";
import { Ago } from "@/app/_ui/time";

const SCOPES = [
  { value: "read", says: "see everything" },
  { value: "trigger", says: "start, rebuild and stop builds" },
  { value: "workers", says: "pause and shut down workers" },
  { value: "config", says: "change the configuration" },
  { value: "join", says: "let machines join pools, and nothing else" },
] as const;

type Scope = (typeof SCOPES)[number]["value"];

export function TokensView() {
  const org = useOrg();
  const trpc = useTRPC();
  const queries = useQueryClient();
  const query = trpc.tokens.list.queryOptions({ org: org.slug });
  const { data } = useQuery(query);
  const [revoking, setRevoking] = useState<{ id: number; name: string } | null>(null);
  const revoke = useMutation(
    trpc.tokens.revoke.mutationOptions({
      onSuccess: () => setRevoking(null),
      onSettled: () => queries.invalidateQueries({ queryKey: query.queryKey }),
    }),
  );
  const tokens = data?.tokens ?? [];
  return (
    <>
      <Section title="New token">
        <NewToken onMade={() => queries.invalidateQueries({ queryKey: query.queryKey })} />
      </Section>
      <Section title="Tokens">
        {tokens.length === 0 ? (
          <Empty
            title="No token yet"
            command={`npx slipway token create --org ${org.slug} --name ci --scope read`}
          >
            A token lets a program act here without a person's password. Make one above; programs
            send it as “Authorization: Bearer …”. On the server's own host a terminal can make one,
            too:
          </Empty>
        ) : (
          <table className="rows">
            <thead className="max-md:sr-only">
              <tr>
                <th>Name</th>
                <th className="max-sm:hidden">Begins with</th>
                <th>Scopes</th>
                <th className="max-lg:hidden">Made</th>
                <th className="max-sm:hidden">Last used</th>
                <th className="max-sm:hidden">Expires</th>
                <th>
                  <span className="sr-only">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {tokens.map((token) => (
                <tr key={token.id} className={token.revokedAt === null ? "" : "text-muted"}>
                  <th scope="row" className="min-w-24 wrap-anywhere font-semibold!">
                    {token.name}
                  </th>
                  <td className="num max-sm:hidden">{token.prefix}…</td>
                  <td className="wrap-anywhere">{token.scopes.join(", ")}</td>
                  <td className="text-muted max-lg:hidden">
                    <Ago at={token.createdAt} /> by {token.createdBy}
                  </td>
                  <td className="text-muted max-sm:hidden">
                    <Ago at={token.lastUsedAt} />
                  </td>
                  <td className="text-muted max-sm:hidden">
                    <Ago at={token.expiresAt} />
                  </td>
                  <td className="text-right">
                    {token.revokedAt === null ? (
                      <Button small look="quiet" onClick={() => setRevoking(token)}>
                        Revoke<span className="sr-only"> {token.name}</span>
                      </Button>
                    ) : (
                      <span>
                        revoked <Ago at={token.revokedAt} />
                      </span>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </Section>
      {revoking ? (
        <ConfirmDialog
          title={`Revoke ${revoking.name}`}
          action="Revoke the token"
          isBusy={revoke.isPending}
          error={revoke.error}
          onClose={() => setRevoking(null)}
          onConfirm={() => revoke.mutate({ org: org.slug, tokenId: revoking.id })}
        >
          Programs that use it are refused from now on. This cannot be undone.
        </ConfirmDialog>
      ) : null}
    </>
  );
}

/** Lines that work as they stand, from wherever this page is reached. */
function TokenLines({ token }: { token: string }) {
  const org = useOrg();
  const url = `${location.origin}/${org.slug}`;
  return (
    <>
      <p className="text-muted">Try it over HTTP:</p>
      <CommandLine text={`curl -H "Authorization: Bearer ${token}" ${url}/api/v2/builders`} />
      <p className="text-muted">Or with the command line, in a checkout of Slipway:</p>
      <CommandLine text={`export SLIPWAY_URL=${url} SLIPWAY_TOKEN=${token}\nnpx slipway builds`} />
    </>
  );
}

function NewToken(props: { onMade: () => void }) {
  const org = useOrg();
  const trpc = useTRPC();
  const [scopes, setScopes] = useState<readonly Scope[]>(["read"]);
  const create = useMutation(trpc.tokens.create.mutationOptions({ onSuccess: props.onMade }));
  const wrong = fieldProblems(create.error);
  if (create.data) {
    return (
      <div role="status" className="max-w-2xl space-y-3">
        <p className="border-l-2 border-amber pl-3">
          This is the token, shown this once. Store it where the program finds it.
        </p>
        <CommandLine text={create.data.token} label="Copy the token" />
        <TokenLines token={create.data.token} />
        <Button onClick={() => create.reset()}>Done</Button>
      </div>
    );
  }
  return (
    <form
      className="max-w-2xl space-y-3"
      onSubmit={(event) => {
        event.preventDefault();
        const form = new FormData(event.currentTarget);
        const days = String(form.get("days") ?? "");
        create.mutate({
          org: org.slug,
          name: String(form.get("name") ?? ""),
          scopes: scopes.flatMap((scope) =>
            scope === "trigger" ? triggers(String(form.get("builders") ?? "")) : [scope],
          ),
          days: days === "" ? null : Number(days),
        });
      }}
    >
      <div className="grid gap-3 sm:grid-cols-[1fr_170px]">
        <Field
          label="Name"
          name="name"
          required
          placeholder="ci"
          autoComplete="off"
          problem={wrong.name}
        />
        <div>
          <label htmlFor="token-days" className="mb-1 block text-xs font-medium text-muted">
            Expires
          </label>
          <select id="token-days" name="days" className="field" defaultValue="90">
            <option value="30">in 30 days</option>
            <option value="90">in 90 days</option>
            <option value="365">in a year</option>
            <option value="">never</option>
          </select>
        </div>
      </div>
      <fieldset className="flex flex-wrap gap-x-5 gap-y-1">
        <legend className="mb-1 text-xs font-medium text-muted">Scopes</legend>
        {SCOPES.map(({ value, says }) => (
          <label key={value} className="flex min-h-7 items-center gap-2">
            <input
              type="checkbox"
              checked={scopes.includes(value)}
              onChange={(event) =>
                setScopes(
                  event.target.checked
                    ? [...scopes, value]
                    : scopes.filter((other) => other !== value),
                )
              }
            />
            <span>
              <span className="num">{value}</span> <span className="text-muted">{says}</span>
            </span>
          </label>
        ))}
      </fieldset>
      {scopes.includes("trigger") ? (
        <Field
          label="Builders it may start"
          name="builders"
          mono
          placeholder="all of them"
          help="Names, with * for anything, separated by spaces: docs-* website"
          autoComplete="off"
          className="max-w-md"
        />
      ) : null}
      {wrong.scopes ? <p className="text-xs text-red">{wrong.scopes}</p> : null}
      <Problem error={create.error} />
      <Button type="submit" look="primary" disabled={create.isPending}>
        Make the token
      </Button>
    </form>
  );
}

/** All builders, or those whose names match. */
function triggers(names: string): ("trigger" | `trigger:${string}`)[] {
  const globs = names.split(/\s+/).filter((name) => name !== "");
  return globs.length === 0 ? ["trigger"] : globs.map((glob) => `trigger:${glob}` as const);
}
