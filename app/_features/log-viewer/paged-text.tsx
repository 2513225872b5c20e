"use client";

/** The log as pages of plain text: lists that come and go while scrolling cannot be read aloud. */
import { useEffect, useState, useSyncExternalStore } from "react";
import { Button } from "../../_ui/button";
import { stripAnsi } from "./ansi";
import type { Line, LogSource, Stream } from "./source";

const LINES = 200;

const WORDS: Readonly<Record<Stream, string>> = {
  stdout: "",
  stderr: "standard error: ",
  header: "from the build: ",
  stdin: "input: ",
};

type Page =
  | { readonly kind: "loading" }
  | { readonly kind: "failed" }
  | { readonly kind: "lines"; readonly lines: readonly Line[] };

export function PagedText(props: {
  readonly source: LogSource;
  readonly label: string;
  readonly initialLine: number;
}) {
  const { source, label } = props;
  const lineCount = useSyncExternalStore(source.subscribe, () => source.lineCount);
  const pages = Math.max(1, Math.ceil(lineCount / LINES));
  const [number, setNumber] = useState(Math.floor(props.initialLine / LINES));
  const [page, setPage] = useState<Page>({ kind: "loading" });
  const [attempt, setAttempt] = useState(0);
  const first = number * LINES;
  // Asked again while the page on show still grows.
  const end = Math.min(lineCount, first + LINES);

  // biome-ignore lint/correctness/useExhaustiveDependencies: another attempt is another request
  useEffect(() => {
    let isOver = false;
    wholePage(source, first, end).then(
      (lines) => !isOver && setPage({ kind: "lines", lines }),
      () => !isOver && setPage({ kind: "failed" }),
    );
    return () => {
      isOver = true;
    };
  }, [source, first, end, attempt]);

  const turn = (to: number) => {
    setPage({ kind: "loading" });
    setNumber(Math.min(pages - 1, Math.max(0, to)));
  };
  return (
    <div className="min-h-0 flex-1 overflow-auto bg-log-bg p-3 text-log-fg">
      <nav aria-label="Pages of the log" className="mb-2 flex flex-wrap items-center gap-2">
        <Button small disabled={number === 0} onClick={() => turn(number - 1)}>
          Previous page
        </Button>
        <p aria-live="polite">
          Page {number + 1} of {pages}
        </p>
        <Button small disabled={number >= pages - 1} onClick={() => turn(number + 1)}>
          Next page
        </Button>
        <Button small disabled={number >= pages - 1} onClick={() => turn(pages - 1)}>
          Last page
        </Button>
      </nav>
      {page.kind === "loading" ? <p>Loading …</p> : null}
      {page.kind === "failed" ? (
        <p>
          These lines cannot be loaded.{" "}
          <Button small onClick={() => setAttempt(attempt + 1)}>
            Try again
          </Button>
        </p>
      ) : null}
      {page.kind === "lines" ? (
        <ol
          aria-label={label}
          start={first + 1}
          className="list-decimal pl-[9ch] font-mono text-xs leading-5 break-words whitespace-pre-wrap"
        >
          {page.lines.map((line) => (
            <li key={line.number}>
              {WORDS[line.stream]}
              {stripAnsi(line.text)}
            </li>
          ))}
        </ol>
      ) : null}
    </div>
  );
}

/** A source may answer with fewer lines than asked for when they are long. */
async function wholePage(source: LogSource, first: number, end: number): Promise<Line[]> {
  const lines: Line[] = [];
  while (first + lines.length < end) {
    const more = await source.fetch(first + lines.length, end - first - lines.length);
    if (more.length === 0) break;
    lines.push(...more);
  }
  return lines;
}
