"use client";

import { useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { useRouter, useSearchParams } from "next/navigation";
import { useRef, useState } from "react";
import { useCommands } from "../../_client/commands";
import { useLive } from "../../_client/live";
import { routes } from "../../_client/navigation";
import { useTRPC } from "../../_client/trpc";
import { replaceQuery, setOrDelete } from "../../_client/url-state";
import { useIsAtLeast, useOrg } from "../../_shell/org";
import { buttonClass } from "../../_ui/button";
import { Empty } from "../../_ui/empty";
import { Ago } from "../../_ui/time";
import { BuildStrip } from "../build-strip";
import { Status, StatusIcon } from "../status";
import { type BuilderRow, failingFirst, healthOf, matching, steady, tagsOf } from "./health";

/** One row per builder, none ever hidden. */
export function Board(props: { order: "news" | "name" }) {
  const org = useOrg();
  const trpc = useTRPC();
  const query = trpc.builders.list.queryOptions({ org: org.slug });
  const { data } = useQuery(query);
  useLive(["builds", "requests", "workers", "config"], [query.queryKey]);

  const params = useSearchParams();
  const filter = { text: params.get("q") ?? "", tags: params.getAll("tag") };
  const all = (data?.builders ?? []) as BuilderRow[];
  const matched = matching(all, filter);
  const [isHeld, hold] = useState(false);
  const shown = useRef<number[]>([]);
  const rows = steady(
    props.order === "news" ? failingFirst(matched) : matched,
    shown.current,
    isHeld,
  );
  shown.current = rows.map((row) => row.id);

  if (data && all.length === 0) return <NoBuilders />;
  return (
    <>
      <FilterBar text={filter.text} tags={filter.tags} known={tagsOf(all)} />
      <div onPointerEnter={() => hold(true)} onPointerLeave={() => hold(false)}>
        <Rows rows={rows} />
      </div>
      {rows.length === 0 ? (
        <p className="py-6 text-muted">
          No builder fits this filter.{" "}
          <button
            type="button"
            className="link"
            onClick={() =>
              replaceQuery((q) => {
                q.delete("q");
                q.delete("tag");
              })
            }
          >
            Show all {all.length}
          </button>
        </p>
      ) : null}
    </>
  );
}

function Rows(props: { rows: readonly BuilderRow[] }) {
  const [chosen, choose] = useState(-1);
  const list = useRef<HTMLTableSectionElement>(null);
  const router = useRouter();
  const org = useOrg();
  const focus = (index: number) => {
    const at = Math.max(0, Math.min(index, props.rows.length - 1));
    choose(at);
    list.current?.querySelectorAll<HTMLAnchorElement>("a[data-row]")[at]?.focus();
  };
  useCommands([
    { id: "row-next", label: "Next row", keys: "j", group: "List", run: () => focus(chosen + 1) },
    { id: "row-back", label: "Row before", keys: "k", group: "List", run: () => focus(chosen - 1) },
    {
      id: "first-broken",
      label: "Open the first broken build",
      keys: "f",
      group: "List",
      run: () => {
        for (const row of props.rows) {
          const { broken } = healthOf(row);
          if (broken) return router.push(routes.build(org.slug, row.id, broken.number));
        }
      },
    },
  ]);
  return (
    <table className="rows">
      <thead className="max-md:sr-only">
        <tr>
          <th className="w-8">
            <span className="sr-only">State</span>
          </th>
          <th>Builder</th>
          <th>Last builds</th>
          <th>News</th>
          <th className="text-right">Pending</th>
          <th className="text-right">Workers</th>
        </tr>
      </thead>
      <tbody ref={list}>
        {props.rows.map((row) => (
          <Row key={row.id} row={row} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ row }: { row: BuilderRow }) {
  const org = useOrg();
  const health = healthOf(row);
  return (
    <tr className="max-md:grid max-md:grid-cols-[26px_1fr_auto] max-md:items-center max-md:border-b max-md:border-line max-md:py-2 max-md:*:h-auto max-md:*:border-0 max-md:*:p-0 md:*:h-12!">
      <td className="w-8">
        <StatusIcon state={health.state} size={17} label />
      </td>
      <th scope="row" className="min-w-0">
        <Link
          data-row
          href={routes.builder(org.slug, row.id)}
          className="inline-flex min-h-[24px] items-center font-semibold hover:underline"
        >
          {row.name}
        </Link>
        <div className="flex flex-wrap items-center gap-x-2 text-xs text-muted">
          {row.project ? <span>{row.project}</span> : null}
          {row.tags.map((tag) => (
            <TagLink key={tag} tag={tag} />
          ))}
        </div>
      </th>
      <td className="max-md:col-span-2 max-md:col-start-2 max-md:row-start-3 max-md:pt-1.5! md:w-[230px]">
        <BuildStrip org={org.slug} builderId={row.id} builds={row.builds} />
      </td>
      <td className="max-md:col-span-2 max-md:col-start-2 max-md:row-start-2">
        <News row={row} />
      </td>
      <td className="num text-right max-md:hidden">
        {row.pending > 0 ? (
          <Link href={`/${org.slug}/requests?builder=${row.id}`} className="link">
            {row.pending}
          </Link>
        ) : (
          <span className="text-faint">0</span>
        )}
      </td>
      <td className="num text-right max-md:col-start-3 max-md:row-start-1">
        <span
          className={row.connected === 0 ? "text-amber" : ""}
          title={`${row.connected} of ${row.workers} workers are connected`}
        >
          {row.connected}/{row.workers}
        </span>
      </td>
    </tr>
  );
}

/** What broke and when; else what happens now; else when it was last built. */
function News({ row }: { row: BuilderRow }) {
  const org = useOrg();
  const { broken, badSince, newest, isRunning, state } = healthOf(row);
  if (newest === null) {
    return <span className="text-muted">{row.pending > 0 ? "waits to start" : "never built"}</span>;
  }
  const to = (number: number) => routes.build(org.slug, row.id, number);
  return (
    <span className="flex flex-wrap items-center gap-x-2">
      {broken && badSince ? (
        <>
          <Link href={to(broken.number)} className="font-medium hover:underline">
            <Status
              state={state}
              word={row.brokenStep ? `${row.brokenStep} in #${broken.number}` : `#${broken.number}`}
            />
          </Link>
          <span className="text-muted">
            {badSince.id === broken.id ? "" : `since #${badSince.number}, `}
            <Ago at={badSince.completeAt} />
          </span>
        </>
      ) : (
        <span className="text-muted">
          <Link
            href={to(newest.number)}
            className="num inline-flex min-h-[24px] min-w-[24px] items-center hover:underline"
          >
            #{newest.number}
          </Link>{" "}
          {isRunning ? "" : <Ago at={row.lastEndedAt} />}
        </span>
      )}
      {isRunning ? (
        <Link href={to(newest.number)} className="hover:underline">
          <Status state="running" word={broken ? `#${newest.number} runs` : "runs"} />
        </Link>
      ) : null}
    </span>
  );
}

function TagLink({ tag }: { tag: string }) {
  return (
    <button
      type="button"
      onClick={() => replaceQuery((query) => toggleTag(query, tag))}
      className="min-h-[24px] min-w-[24px] hover:text-fg hover:underline"
      title={`Filter by the tag ${tag}`}
    >
      <span aria-hidden="true" className="text-faint">
        #
      </span>
      {tag}
    </button>
  );
}

function toggleTag(query: URLSearchParams, tag: string): void {
  const tags = query.getAll("tag");
  query.delete("tag");
  const next = tags.includes(tag) ? tags.filter((other) => other !== tag) : [...tags, tag];
  for (const each of next) query.append("tag", each);
}

function FilterBar(props: { text: string; tags: readonly string[]; known: readonly string[] }) {
  const input = useRef<HTMLInputElement>(null);
  useCommands([
    {
      id: "filter",
      label: "Search this list",
      keys: "/",
      group: "List",
      run: () => input.current?.select(),
    },
  ]);
  return (
    <div className="flex flex-wrap items-center gap-2 py-3">
      <input
        ref={input}
        type="search"
        aria-label="Search builders"
        placeholder="Search, /"
        defaultValue={props.text}
        onChange={(event) => {
          const text = event.target.value;
          replaceQuery((query) => setOrDelete(query, "q", text));
        }}
        onKeyDown={(event) => {
          if (event.key === "Escape") event.currentTarget.blur();
        }}
        className="field max-w-56"
      />
      <fieldset className="contents">
        <legend className="sr-only">Tags</legend>
        {props.known.slice(0, 16).map((tag) => (
          <button
            key={tag}
            type="button"
            aria-pressed={props.tags.includes(tag)}
            onClick={() => replaceQuery((query) => toggleTag(query, tag))}
            className="h-7 rounded-sm border border-line px-2 text-xs text-muted hover:border-line-strong hover:text-fg aria-pressed:border-accent aria-pressed:bg-accent-soft aria-pressed:text-accent"
          >
            {tag}
          </button>
        ))}
      </fieldset>
    </div>
  );
}

function NoBuilders() {
  const org = useOrg();
  const mayConfigure = useIsAtLeast("maintainer");
  return (
    <div className="py-6">
      <Empty
        title="No builder yet"
        action={
          mayConfigure ? (
            <Link className={buttonClass("primary")} href={routes.welcome(org.slug)}>
              Set one up
            </Link>
          ) : null
        }
      >
        <p>
          A builder is a recipe: the steps to run, and the workers that may run them. This
          organisation has none
          {mayConfigure ? "; the set-up page makes the first one with you." : " yet."}
        </p>
      </Empty>
    </div>
  );
}
