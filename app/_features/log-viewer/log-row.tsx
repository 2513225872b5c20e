import { type CSSProperties, memo } from "react";
import { parseAnsi, type Span } from "./ansi";
import type { Line, Stream } from "./source";

/** Before the text, so that streams are told apart without colour too. */
const MARKS: Readonly<Record<Stream, { readonly sign: string; readonly word: string }>> = {
  stdout: { sign: "", word: "" },
  stderr: { sign: "!", word: "standard error: " },
  header: { sign: "#", word: "from the build: " },
  stdin: { sign: ">", word: "input: " },
};

interface Props {
  readonly number: number;
  /** Not at hand yet. */
  readonly line: Line | undefined;
  readonly href: string;
  readonly isMarked: boolean;
  readonly onNumber: (number: number, isRange: boolean) => void;
}

export const LogRow = memo(function LogRow({ number, line, href, isMarked, onNumber }: Props) {
  const stream = line?.stream ?? "stdout";
  return (
    <div
      className="log-row"
      data-line={number}
      data-stream={stream}
      data-marked={isMarked || undefined}
    >
      <a
        href={href}
        className="log-number"
        aria-label={`Line ${number + 1}`}
        tabIndex={-1}
        onClick={(event) => {
          if (event.metaKey || event.ctrlKey) return;
          event.preventDefault();
          onNumber(number, event.shiftKey);
        }}
      >
        {number + 1}
      </a>
      <span className="log-mark" title={MARKS[stream].word.replace(": ", "")} aria-hidden="true">
        {MARKS[stream].sign}
      </span>
      {MARKS[stream].word ? <span className="sr-only">{MARKS[stream].word}</span> : null}
      {line ? (
        <span className="log-text" data-text="">
          <LineText text={line.text} />
        </span>
      ) : (
        <span className="log-text log-coming">loading …</span>
      )}
    </div>
  );
});

/** Spans of a line never change, so their place is their identity. */
export function LineText({ text }: { readonly text: string }) {
  const spans = parseAnsi(text);
  return spans.map((span, n) => {
    const isPlain = Object.keys(span).length === 1;
    // biome-ignore lint/suspicious/noArrayIndexKey: the text of a line never changes
    return isPlain ? span.text : <Piece key={n} span={span} />;
  });
}

function Piece({ span }: { readonly span: Span }) {
  const names = [
    span.color ? "log-color" : "",
    span.background ? "log-background" : "",
    span.isInverse ? "log-inverse" : "",
    span.isBold ? "font-bold" : "",
    span.isDim ? "log-dim" : "",
    span.isItalic ? "italic" : "",
    span.isUnderlined ? "underline" : "",
    span.isStruck ? "line-through" : "",
  ];
  const style = {
    ...(span.color ? { "--light": span.color.light, "--dark": span.color.dark } : {}),
    ...(span.background ? { "--back": span.background.light } : {}),
  } as CSSProperties;
  const className = names.filter(Boolean).join(" ");
  return span.href ? (
    <a
      href={span.href}
      target="_blank"
      rel="noopener noreferrer nofollow"
      className={`${className} underline`}
      style={style}
    >
      {span.text}
    </a>
  ) : (
    <span className={className} style={style}>
      {span.text}
    </span>
  );
}
