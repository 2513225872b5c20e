import type { ReactNode } from "react";

/** The head of a page above its scale. */
export function PageHead(props: {
  title: ReactNode;
  /** Beside the title: counts, a state. */
  note?: ReactNode;
  children?: ReactNode;
}) {
  return (
    <header className="px-4 pt-4 sm:px-6">
      <div className="flex min-h-9 flex-wrap items-center gap-x-4 gap-y-2 pb-3">
        <h1 className="text-lg font-semibold tracking-[-0.01em]">{props.title}</h1>
        {props.note ? <div className="text-muted">{props.note}</div> : null}
        {props.children ? (
          <div className="ml-auto flex flex-wrap items-center gap-2">{props.children}</div>
        ) : null}
      </div>
      <div className="scale" aria-hidden="true" />
    </header>
  );
}

export function Section(props: { title: string; note?: ReactNode; children: ReactNode }) {
  return (
    <section className="mt-7 first:mt-0">
      <div className="mb-1 flex items-baseline gap-3">
        <h2 className="label">{props.title}</h2>
        {props.note ? <span className="text-xs text-muted">{props.note}</span> : null}
      </div>
      {props.children}
    </section>
  );
}
