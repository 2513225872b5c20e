"use client";

import { useInfiniteQuery } from "@tanstack/react-query";
import Link from "next/link";
import { shortRevision } from "../../_client/format";
import { useLive } from "../../_client/live";
import { routes } from "../../_client/navigation";
import { buildPages } from "../../_client/pages";
import { useTRPC } from "../../_client/trpc";
import { useOrg } from "../../_shell/org";
import { Button } from "../../_ui/button";
import { Ago, Duration } from "../../_ui/time";
import { buildState, Status } from "../status";

type Of = { builderId: number } | { workerId: number } | { all: true };

/** Builds, newest first, a page at a time. Which columns say something new depends on the page. */
export function BuildsTable(props: { of: Of; empty: string }) {
  const org = useOrg();
  const trpc = useTRPC();
  const { of } = props;
  const input = { org: org.slug, ...("all" in of ? {} : of) };
  const query = trpc.builds.page.infiniteQueryOptions(input, buildPages);
  const { data, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery(query);
  useLive(["builds"], [query.queryKey]);
  const builds = data?.pages.flatMap((page) => page.builds) ?? [];
  if (data && builds.length === 0) return <p className="py-3 text-muted">{props.empty}</p>;
  const hasBuilder = !("builderId" in of);
  const hasWorker = !("workerId" in of);
  return (
    <>
      <table className="rows">
        <thead>
          <tr>
            <th>Build</th>
            {hasBuilder ? <th>Builder</th> : null}
            <th>Result</th>
            <th className="max-lg:hidden">Source</th>
            <th className="max-lg:hidden">Why</th>
            {hasWorker ? <th className="max-md:hidden">Worker</th> : null}
            <th className="max-sm:hidden">Started</th>
            <th className="text-right">Took</th>
          </tr>
        </thead>
        <tbody>
          {builds.map((build) => (
            <tr key={build.id}>
              <th scope="row">
                <Link
                  href={routes.build(org.slug, build.builderId, build.number)}
                  className="num font-semibold hover:underline"
                >
                  #{build.number}
                </Link>
              </th>
              {hasBuilder ? (
                <td>
                  <Link
                    href={routes.builder(org.slug, build.builderId)}
                    className="hover:underline"
                  >
                    {build.builder}
                  </Link>
                </td>
              ) : null}
              <td>
                <Status state={buildState(build)} title={build.stateString} />
              </td>
              <td className="max-lg:hidden">
                <Source stamps={build.stamps} />
              </td>
              <td
                className="max-w-0 min-w-40 truncate text-muted max-lg:hidden"
                title={build.reason}
              >
                {build.owner ? <span className="text-fg">{build.owner}: </span> : null}
                {build.reason}
              </td>
              {hasWorker ? (
                <td className="max-md:hidden">
                  <Link href={routes.worker(org.slug, build.workerId)} className="hover:underline">
                    {build.worker}
                  </Link>
                </td>
              ) : null}
              <td className="text-muted max-sm:hidden">
                <Ago at={build.startedAt ?? build.createdAt} />
              </td>
              <td className="text-right">
                <Duration from={build.startedAt ?? build.createdAt} to={build.completeAt} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {hasNextPage ? (
        <Button className="mt-3" disabled={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          {isFetchingNextPage ? "Loading" : "Older builds"}
        </Button>
      ) : null}
    </>
  );
}

interface Stamp {
  readonly branch: string | null;
  readonly revision: string | null;
  readonly repository: string;
}

/** Branch and revision of the first codebase, with how many others there are. */
export function Source(props: { stamps: readonly Stamp[] }) {
  const [first] = props.stamps;
  if (!first || (first.branch === null && first.revision === null)) {
    return <span className="text-faint">newest</span>;
  }
  return (
    <span className="whitespace-nowrap" title={first.repository || undefined}>
      {first.branch ?? ""}{" "}
      {first.revision ? (
        <span className="num text-muted" title={first.revision}>
          {shortRevision(first.revision)}
        </span>
      ) : null}
      {props.stamps.length > 1 ? (
        <span className="text-muted"> +{props.stamps.length - 1}</span>
      ) : null}
    </span>
  );
}
