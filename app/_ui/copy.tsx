"use client";

import { useEffect, useState } from "react";
import { ICONS, Icon } from "./icon";

/** Copies the text, and says so for two seconds. */
export function CopyButton(props: { text: string; label: string; className?: string }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 2000);
    return () => clearTimeout(timer);
  }, [copied]);
  return (
    <button
      type="button"
      aria-label={copied ? "Copied" : props.label}
      title={copied ? "Copied" : props.label}
      className={`inline-flex size-7 shrink-0 items-center justify-center rounded-sm text-muted hover:bg-hover hover:text-fg ${props.className ?? ""}`}
      onClick={() => {
        void navigator.clipboard.writeText(props.text).then(() => setCopied(true));
      }}
    >
      <Icon path={copied ? ICONS.check : ICONS.copy} />
    </button>
  );
}

/** A command for a terminal, whole and copyable. */
export function CommandLine(props: { text: string; label?: string }) {
  return (
    <div className="flex items-start gap-1 rounded-md border border-line bg-sunken py-1 pr-1 pl-3">
      <code className="num min-w-0 flex-1 py-1 leading-5 break-words whitespace-pre-wrap">
        {props.text}
      </code>
      <CopyButton text={props.text} label={props.label ?? "Copy the command"} />
    </div>
  );
}
