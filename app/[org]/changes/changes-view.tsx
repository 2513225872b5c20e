"use client";

import { useInfiniteQuery } from "@tanstack/react-query";
import Link from "next/link";
import { useLive } from "@/app/_client/live";
import { changePages } from "@/app/_client/pages";
import { useTRPC } from "@/app/_client/trpc";
import { ChangeSource, ChangeText } from "@/app/_features/changes";
import { useOrg } from "@/app/_shell/org";
import { Button, buttonClass } from "@/app/_ui/button";
import { Empty } from "@/app/_ui/empty";
import { Ago } from "@/app/_ui/time";
import { Outcomes } from "./outcomes";

/** Newest first, each with the builds it led to. */
export function ChangesView() {
  const org = useOrg();
  const trpc = useTRPC();
  const query = trpc.changes.page.infiniteQueryOptions({ org: org.slug }, changePages);
  const { data, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery(query);
  useLive(["changes", "builds", "requests", "schedulers"], [query.queryKey]);
  const changes = data?.pages.flatMap((page) => page.changes) ?? [];
  if (data && changes.length === 0) return <NoChanges />;
  return (
    <>
      <table className="rows">
        <thead className="max-md:sr-only">
          <tr>
            <th className="w-2/5">Change</th>
            <th>Author</th>
            <th>Source</th>
            <th>Seen</th>
            <th>What came of it</th>
          </tr>
        </thead>
        <tbody>
          {changes.map((change) => (
            <tr
              key={change.id}
              className="align-top *:py-2 max-md:grid max-md:gap-y-1 max-md:border-b max-md:border-line max-md:py-2 max-md:*:h-auto max-md:*:border-0 max-md:*:p-0"
            >
              <th scope="row" className="font-normal">
                <ChangeText change={change} />
              </th>
              <td className="[overflow-wrap:anywhere]">{change.author}</td>
              <td>
                <ChangeSource change={change} />
              </td>
              <td className="text-muted">
                <Ago at={change.seenAt} />
              </td>
              <td>
                <Outcomes change={change} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {hasNextPage ? (
        <Button className="mt-3" disabled={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          {isFetchingNextPage ? "Loading" : "Older changes"}
        </Button>
      ) : null}
    </>
  );
}

const EXAMPLE = `change_source:
  - {type: GitPoller, repourl: "https://git.example.org/app.git", branches: true}
schedulers:
  - {type: AnyBranchScheduler, name: all, builderNames: [BUILDER]}`;

function NoChanges() {
  const org = useOrg();
  return (
    <div className="py-4">
      <Empty
        title="No change has been seen"
        command={EXAMPLE}
        action={
          <>
            <Link className={buttonClass("primary")} href={`/${org.slug}/settings/configuration`}>
              Open the configuration
            </Link>
            <Link className={buttonClass()} href={`/${org.slug}/schedulers`}>
              See what is polled
            </Link>
          </>
        }
      >
        A change is a commit that a change source has seen. What is in a repository when it is first
        looked at is not built: push something, and it appears here with the builds it leads to. A
        project needs a source and a scheduler:
      </Empty>
    </div>
  );
}
