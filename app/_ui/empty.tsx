import type { ReactNode } from "react";
import { CommandLine } from "./copy";

/** What this is, why it is empty, what to do next, and a command to copy. */
export function Empty(props: {
  title: string;
  children: ReactNode;
  command?: string;
  action?: ReactNode;
}) {
  return (
    <div className="max-w-xl border-l-2 border-line-strong py-2 pl-5">
      <h2 className="text-base font-semibold">{props.title}</h2>
      <div className="mt-1 text-muted">{props.children}</div>
      {props.command ? (
        <div className="mt-3">
          <CommandLine text={props.command} />
        </div>
      ) : null}
      {props.action ? <div className="mt-3 flex flex-wrap gap-2">{props.action}</div> : null}
    </div>
  );
}
