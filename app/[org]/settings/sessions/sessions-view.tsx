"use client";

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useTRPC } from "@/app/_client/trpc";
import { Button } from "@/app/_ui/button";
import { Problem } from "@/app/_ui/problem";
import { Ago } from "@/app/_ui/time";

export function SessionsView() {
  const trpc = useTRPC();
  const queries = useQueryClient();
  const query = trpc.sessions.list.queryOptions();
  const { data } = useQuery(query);
  const refresh = () => queries.invalidateQueries({ queryKey: query.queryKey });
  const revoke = useMutation(trpc.sessions.revoke.mutationOptions({ onSettled: refresh }));
  const others = useMutation(trpc.sessions.revokeOthers.mutationOptions({ onSettled: refresh }));
  return (
    <div className="space-y-4">
      <table className="rows">
        <thead>
          <tr>
            <th>Browser</th>
            <th className="max-sm:hidden">Address</th>
            <th>Last seen</th>
            <th className="max-md:hidden">Signed in</th>
            <th>
              <span className="sr-only">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {data?.map((session) => (
            <tr key={session.id}>
              <th scope="row" title={session.userAgent ?? undefined}>
                {browserName(session.userAgent)}
                {session.isThis ? <span className="ml-2 text-accent">this one</span> : null}
              </th>
              <td className="num max-sm:hidden">{session.address ?? ""}</td>
              <td className="text-muted">
                <Ago at={session.lastSeenAt} />
              </td>
              <td className="text-muted max-md:hidden">
                <Ago at={session.createdAt} />
              </td>
              <td className="text-right">
                {session.isThis ? (
                  <a className="link" href="/sign-out">
                    Sign out
                  </a>
                ) : (
                  <Button
                    small
                    look="quiet"
                    onClick={() => revoke.mutate({ sessionId: session.id })}
                  >
                    Revoke
                  </Button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <Problem error={revoke.error ?? others.error} />
      {data && data.length > 1 ? (
        <Button look="danger" disabled={others.isPending} onClick={() => others.mutate()}>
          Sign out everywhere else
        </Button>
      ) : null}
    </div>
  );
}

/** "Firefox on Linux", as far as the browser says. */
function browserName(agent: string | null): string {
  if (!agent) return "Unknown browser";
  const browser = /(Firefox|Edg|OPR|Chrome|Safari)\//.exec(agent)?.[1] ?? "Browser";
  const system = /(Windows|Mac OS X|Android|iPhone|iPad|Linux)/.exec(agent)?.[1];
  const names: Record<string, string> = { Edg: "Edge", OPR: "Opera", "Mac OS X": "macOS" };
  return system
    ? `${names[browser] ?? browser} on ${names[system] ?? system}`
    : (names[browser] ?? browser);
}
