"use client";

import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTRPC } from "@/app/_client/trpc";
import { useOrg } from "@/app/_shell/org";
import { Button } from "@/app/_ui/button";
import { Dialog } from "@/app/_ui/dialog";
import { Section } from "@/app/_ui/page-head";
import { Problem } from "@/app/_ui/problem";
import { Ago } from "@/app/_ui/time";
import { Compare } from "./compare";
import type { Target } from "./target";

interface Row {
  readonly id: number;
  readonly project: string | null;
  readonly number: number;
  readonly author: string;
  readonly at: number;
  readonly summary: string;
  readonly comment: string;
  readonly isRemoval: boolean;
  readonly isNewest: boolean;
}

const titleOf = ({ project, number }: Pick<Row, "project" | "number">) =>
  `${project ?? "organisation"} ${number}`;

/** Who changed what, when; any two compared; back to any of them. */
export function Versions({ target, onBack }: { target: Target; onBack: () => void }) {
  const org = useOrg();
  const trpc = useTRPC();
  const queries = useQueryClient();
  const pages = useInfiniteQuery(
    trpc.config.versions.infiniteQueryOptions(
      { org: org.slug, target },
      { getNextPageParam: (page) => page.before, initialCursor: undefined },
    ),
  );
  const [compared, setCompared] = useState<{ from: number | null; to: number } | null>(null);
  const [chosen, setChosen] = useState<Row | null>(null);
  const goBack = useMutation(
    trpc.config.goBack.mutationOptions({
      onSuccess: async () => {
        await queries.invalidateQueries();
        onBack();
      },
    }),
  );
  const rows = pages.data?.pages.flatMap((page) => page.versions) ?? [];
  if (rows.length === 0) return null;
  return (
    <Section title="Versions" note="every activation; what you go back to becomes a new version">
      <Problem error={goBack.error} />
      <div className="relative overflow-x-auto">
        <table className="rows">
          <thead>
            <tr>
              <th>Version</th>
              <th>What changed</th>
              <th className="max-sm:hidden">By</th>
              <th>When</th>
              <th>
                <span className="sr-only">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={row.id}>
                <th scope="row" className="num whitespace-nowrap">
                  {titleOf(row)}
                </th>
                <td className="min-w-40">
                  {row.summary || "–"}
                  {row.comment === "" ? null : (
                    <span className="block text-muted">“{row.comment}”</span>
                  )}
                </td>
                <td className="text-muted max-sm:hidden">{row.author}</td>
                <td className="text-muted">
                  <Ago at={row.at} />
                </td>
                <td>
                  <div className="flex justify-end gap-1">
                    <Button
                      small
                      look="quiet"
                      aria-label={`Changes of ${titleOf(row)}`}
                      onClick={() => setCompared({ from: null, to: row.id })}
                    >
                      Changes
                    </Button>
                    {chosen && chosen.project === row.project && chosen.id !== row.id ? (
                      <Button
                        small
                        look="quiet"
                        onClick={() =>
                          setCompared({
                            from: Math.min(chosen.id, row.id),
                            to: Math.max(chosen.id, row.id),
                          })
                        }
                      >
                        with {titleOf(chosen)}
                      </Button>
                    ) : (
                      <Button
                        small
                        look="quiet"
                        aria-pressed={chosen?.id === row.id}
                        aria-label={`Compare ${titleOf(row)} with another`}
                        onClick={() => setChosen(chosen?.id === row.id ? null : row)}
                      >
                        Compare
                      </Button>
                    )}
                    {row.isNewest || row.isRemoval ? null : (
                      <Button
                        small
                        aria-label={`Go back to ${titleOf(row)}`}
                        disabled={goBack.isPending}
                        onClick={() => goBack.mutate({ org: org.slug, id: row.id })}
                      >
                        Go back to it
                      </Button>
                    )}
                  </div>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {pages.hasNextPage ? (
        <Button className="mt-2" onClick={() => void pages.fetchNextPage()}>
          Older versions
        </Button>
      ) : null}
      {compared ? <Comparison {...compared} onClose={() => setCompared(null)} /> : null}
    </Section>
  );
}

function Comparison(props: { from: number | null; to: number; onClose: () => void }) {
  const org = useOrg();
  const trpc = useTRPC();
  const { data, error } = useQuery(
    trpc.config.compare.queryOptions({ org: org.slug, from: props.from, to: props.to }),
  );
  const title = data
    ? data.from
      ? `${titleOf(data.from)} and ${titleOf(data.to)}`
      : `${titleOf(data.to)}, the first`
    : "Comparing";
  return (
    <Dialog title={title} wide onClose={props.onClose}>
      <Problem error={error} />
      {data ? (
        <Compare
          before={data.from?.text ?? ""}
          after={data.to.text}
          labels={[data.from ? titleOf(data.from) : "Nothing", titleOf(data.to)]}
        />
      ) : null}
    </Dialog>
  );
}
