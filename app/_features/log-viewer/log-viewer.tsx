"use client";

/**
 * A log of any length. Give it the log's id as `key`: another log is another viewer.
 *
 * It opens at the line of the address (`#L120`), else at `initialLine`, else at the end of a log
 * that grows and at the beginning of one that is complete. It fills its parent's height.
 */
import {
  type CSSProperties,
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
  useSyncExternalStore,
} from "react";
import { formatAnchor, type LineRange, parseAnchor } from "./anchor";
import { selectedText } from "./copy-text";
import { LogRow } from "./log-row";
import { LogScreen } from "./log-screen";
import { LogToolbar } from "./log-toolbar";
import "./log-viewer.css";
import { PagedText } from "./paged-text";
import type { LogSource } from "./source";
import { useLogKeys } from "./use-log-keys";

const ROW_HEIGHT = 20;
const WRAP = "slipway.log-wrap";

export interface LogViewerProps {
  readonly source: LogSource;
  /** Names the log to screen readers: "stdio of step test". */
  readonly label: string;
  readonly rawUrl: string;
  /** From 0; what the page wants seen first, such as the first error. */
  readonly initialLine?: number;
  /** Where a page shows several logs: `s4-` makes `#s4-L120`. */
  readonly anchorPrefix?: string;
}

/** Position, wrapping and marked lines are the browser's: the server draws the frame alone. */
export function LogViewer(props: LogViewerProps) {
  const isInBrowser = useSyncExternalStore(
    never,
    () => true,
    () => false,
  );
  return isInBrowser ? <Viewer {...props} /> : <div className="skeleton h-full" />;
}

const never = () => () => {};

function Viewer(props: LogViewerProps) {
  const { source, label, rawUrl, initialLine, anchorPrefix = "" } = props;
  const [marked, setMarked] = useState<LineRange | null>(() =>
    parseAnchor(location.hash, anchorPrefix),
  );
  const [isWrapped, setWrapped] = useState(() => localStorage.getItem(WRAP) !== null);
  const [screen] = useState(
    () =>
      new LogScreen(source, {
        rowHeight: ROW_HEIGHT,
        isWrapped,
        start: marked ? marked.first : (initialLine ?? (source.isComplete ? 0 : "end")),
        retryLater,
      }),
  );
  const [isText, setText] = useState(false);
  const [isFull, setFull] = useState(false);
  const isConnected = useSyncExternalStore(source.subscribe, () => source.isConnected);
  const isComplete = useSyncExternalStore(source.subscribe, () => source.isComplete);

  useEffect(() => {
    screen.open();
    return () => screen.close();
  }, [screen]);

  useEffect(() => {
    const onHash = () => {
      const range = parseAnchor(location.hash, anchorPrefix);
      if (!range) return;
      setMarked(range);
      screen.goTo(range.first);
    };
    addEventListener("hashchange", onHash);
    return () => removeEventListener("hashchange", onHash);
  }, [screen, anchorPrefix]);

  const mark = (range: LineRange) => {
    setMarked(range);
    history.replaceState(history.state, "", formatAnchor(range, anchorPrefix));
  };
  const wrap = (wanted: boolean) => {
    if (wanted) localStorage.setItem(WRAP, "1");
    else localStorage.removeItem(WRAP);
    setWrapped(wanted);
    screen.wrap(wanted);
  };
  const actions = {
    top: () => screen.goTo(0),
    end: () => screen.goToEnd(),
    follow: () => screen.follow(!screen.view().isFollowing),
    wrap: () => wrap(!isWrapped),
    full: () => setFull(!isFull),
    text: () => setText(!isText),
    copyLink: () => void navigator.clipboard.writeText(location.href),
  };
  useLogKeys(actions, isFull);

  return (
    <section
      aria-label={label}
      className={
        isFull
          ? "fixed inset-0 z-50 flex flex-col bg-bg"
          : "relative flex h-full min-h-0 flex-col overflow-hidden rounded-md border border-line"
      }
    >
      <Toolbar
        screen={screen}
        actions={actions}
        rawUrl={rawUrl}
        modes={{ isWrapped, isFull, isText, isConnected, isComplete }}
      />
      {isText ? (
        <PagedText source={source} initialLine={screen.view().firstLine} label={label} />
      ) : (
        <Rows
          screen={screen}
          label={label}
          isWrapped={isWrapped}
          isComplete={isComplete}
          marked={marked}
          anchorPrefix={anchorPrefix}
          onMark={mark}
        />
      )}
    </section>
  );
}

/** Twice as long each time, from half a second to ten. */
function retryLater(work: () => void, attempt: number): () => void {
  const timer = setTimeout(work, Math.min(10_000, 250 * 2 ** attempt));
  return () => clearTimeout(timer);
}

function Toolbar(
  props: Omit<Parameters<typeof LogToolbar>[0], "view"> & { readonly screen: LogScreen },
) {
  const { screen, ...rest } = props;
  const view = useSyncExternalStore(screen.subscribe, screen.view);
  return <LogToolbar view={view} {...rest} />;
}

interface RowsProps {
  readonly screen: LogScreen;
  readonly label: string;
  readonly isWrapped: boolean;
  readonly isComplete: boolean;
  readonly marked: LineRange | null;
  readonly anchorPrefix: string;
  readonly onMark: (range: LineRange) => void;
}

function Rows(props: RowsProps) {
  const { screen, label, isWrapped, isComplete, marked, anchorPrefix, onMark } = props;
  const view = useSyncExternalStore(screen.subscribe, screen.view);
  const scroller = useRef<HTMLElement>(null);
  const rows = useRef<HTMLDivElement>(null);
  const newestMark = useRef({ marked, onMark });
  newestMark.current = { marked, onMark };
  const [onNumber] = useState(() => (number: number, isRange: boolean) => {
    const { marked: before, onMark: tell } = newestMark.current;
    const from = isRange && before ? before.first : number;
    tell({ first: Math.min(from, number), last: Math.max(from, number) });
  });

  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return;
    let width = element.clientWidth;
    const look = () => {
      screen.resize(element.clientHeight);
      if (element.clientWidth !== width) screen.remeasure();
      width = element.clientWidth;
    };
    look();
    const observer = new ResizeObserver(look);
    observer.observe(element);
    return () => observer.disconnect();
  }, [screen]);

  // After every drawing: the scrollbar where the lines are, and wrapped lines as high as they are.
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element && Math.abs(element.scrollTop - view.scrollTop) >= 1) {
      element.scrollTop = view.scrollTop;
    }
    if (!isWrapped || !rows.current) return;
    const heights: [number, number][] = [];
    for (const row of rows.current.querySelectorAll<HTMLElement>("[data-line]")) {
      const number = Number(row.dataset.line);
      if (screen.line(number)) heights.push([number, Math.round(row.offsetHeight / ROW_HEIGHT)]);
    }
    screen.measured(heights);
  });

  const numbers = Array.from(
    { length: Math.max(0, view.endLine - view.firstLine) },
    (_, n) => view.firstLine + n,
  );
  const gutter = `${Math.max(4, String(view.lineCount).length) + 3}ch`;
  return (
    <>
      <section
        ref={scroller}
        className="log-scroller min-h-0 flex-1"
        data-wrapped={isWrapped || undefined}
        aria-label={`${label}, lines`}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by key
        tabIndex={0}
        style={{ "--gutter": gutter } as CSSProperties}
        onScroll={(event) => screen.scrolledTo(event.currentTarget.scrollTop)}
        onKeyDown={(event) => {
          if (event.ctrlKey || event.metaKey || event.altKey) return;
          if (event.key === "Home") screen.goTo(0);
          else if (event.key === "End") screen.goToEnd();
          else return;
          event.preventDefault();
        }}
        onCopy={(event) => {
          const text = selectedText(event.currentTarget, getSelection());
          if (text === null) return;
          event.clipboardData.setData("text/plain", text);
          event.preventDefault();
        }}
      >
        <div className="log-content" style={{ height: view.contentHeight }}>
          <div ref={rows} className="log-rows" style={{ top: view.offset }}>
            {numbers.map((number) => (
              <LogRow
                key={number}
                number={number}
                line={screen.line(number)}
                href={formatAnchor({ first: number, last: number }, anchorPrefix)}
                isMarked={marked !== null && number >= marked.first && number <= marked.last}
                onNumber={onNumber}
              />
            ))}
          </div>
        </div>
        {view.lineCount === 0 && isComplete ? (
          <p className="p-3 text-muted">This log is empty.</p>
        ) : null}
      </section>
      {view.newLines > 0 && !view.isFollowing ? (
        <button
          type="button"
          className="absolute right-6 bottom-4 h-8 rounded-md border border-accent bg-accent px-3 font-medium text-accent-fg shadow hover:bg-accent-strong"
          onClick={() => screen.goToEnd()}
        >
          {view.newLines === 1 ? "1 new line" : `${view.newLines.toLocaleString()} new lines`}
        </button>
      ) : null}
    </>
  );
}
