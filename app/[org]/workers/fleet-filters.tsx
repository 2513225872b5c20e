"use client";

import { useSearchParams } from "next/navigation";
import { useRef } from "react";
import { useCommands } from "@/app/_client/commands";
import { replaceQuery, setOrDelete } from "@/app/_client/url-state";
import { look, StatusIcon } from "@/app/_features/status";
import type { FleetPage } from "@/server/api/workers/list";
import { SHOWN_WORDS, type ShownWord } from "@/server/domain/workers/shown-state";
import { askedFor } from "./filter";

/** A new filter begins at its first page. */
function change(set: (query: URLSearchParams) => void): void {
  replaceQuery((query) => {
    set(query);
    query.delete("page");
  });
}

const OF_MACHINES: ReadonlySet<ShownWord> = new Set(["starting", "stopping", "dormant"]);

/** By name or pattern, by state, and those that are not configured any more. All in the address. */
export function FleetFilters({ data }: { data: FleetPage }) {
  const asked = askedFor(useSearchParams());
  const toggle = (word: ShownWord) =>
    change((query) => {
      const words = asked.words.includes(word)
        ? asked.words.filter((one) => one !== word)
        : [...asked.words, word];
      setOrDelete(query, "state", words.join(","));
    });
  return (
    <div className="space-y-2 pb-2">
      <div className="flex flex-wrap items-center gap-x-4 gap-y-1">
        <Search problem={data.problem} />
        <label className="flex h-8 items-center gap-1.5">
          <input
            type="checkbox"
            checked={asked.withOld}
            onChange={() =>
              change((query) => setOrDelete(query, "old", asked.withOld ? null : "1"))
            }
          />
          Old workers too
        </label>
      </div>
      <fieldset className="flex flex-wrap items-center gap-1.5">
        <legend className="sr-only">Show only these states</legend>
        {SHOWN_WORDS.map((word) => {
          const isOn = asked.words.includes(word);
          // Who has no worker on demand is not bothered with their states.
          if (OF_MACHINES.has(word) && data.counts[word] === 0 && !isOn) return null;
          return (
            <button
              key={word}
              type="button"
              aria-pressed={isOn}
              title={look(word).means}
              onClick={() => toggle(word)}
              className={`inline-flex h-7 items-center gap-1.5 rounded-md border px-2 ${
                isOn
                  ? "border-accent bg-accent-soft font-medium"
                  : "border-line bg-raised text-muted hover:bg-hover hover:text-fg"
              }`}
            >
              <StatusIcon state={word} size={13} />
              {look(word).word}
              <span className="num min-w-3 text-right">
                {data.counts[word].toLocaleString("en")}
              </span>
            </button>
          );
        })}
      </fieldset>
    </div>
  );
}

function Search({ problem }: { problem: string | null }) {
  const input = useRef<HTMLInputElement>(null);
  const { text, isPattern } = askedFor(useSearchParams());
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
    <>
      <input
        ref={input}
        type="search"
        aria-label="Search workers"
        aria-invalid={problem !== null}
        aria-describedby="fleet-pattern"
        placeholder={isPattern ? "^linux-[0-9]+$" : "Search, /"}
        defaultValue={text}
        maxLength={1000}
        spellCheck={false}
        onChange={(event) => {
          const typed = event.target.value;
          change((query) => setOrDelete(query, "q", typed));
        }}
        className={`field sm:max-w-56 ${isPattern ? "font-mono text-[12.5px]" : ""}`}
      />
      <label className="flex h-8 items-center gap-1.5 whitespace-nowrap">
        <input
          type="checkbox"
          checked={isPattern}
          onChange={() => change((query) => setOrDelete(query, "re", isPattern ? null : "1"))}
        />
        Regular expression
      </label>
      <span id="fleet-pattern" role="status" className="order-last text-red">
        {problem === null ? "" : `It ${problem}`}
      </span>
    </>
  );
}
