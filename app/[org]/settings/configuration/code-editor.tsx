"use client";

import { type Ref, useEffect, useImperativeHandle, useRef } from "react";
import type { Editor, Mark } from "./editor/mount";
import type { Vocabulary } from "./editor/vocabulary";
import { useModule } from "./use-module";

export interface EditorHandle {
  goTo(line: number, column: number): void;
}

/** The text, in an editor that knows the schema. What is typed stays in it; the owner is told. */
export function CodeEditor(props: {
  /** Changes when another text is to be shown. */
  version: number;
  text: string;
  label: string;
  marks: readonly Mark[];
  vocabulary: Vocabulary | null;
  onChange: (text: string) => void;
  onSave: () => void;
  handle: Ref<EditorHandle>;
}) {
  const module = useModule(() => import("./editor/mount"));
  const place = useRef<HTMLDivElement>(null);
  const editor = useRef<Editor | null>(null);
  const latest = useRef(props);
  latest.current = props;
  useImperativeHandle(props.handle, () => ({
    goTo: (line, column) => editor.current?.goTo(line, column),
  }));
  useEffect(() => {
    if (!module || !place.current) return;
    const mounted = module.mountEditor(place.current, {
      text: latest.current.text,
      label: latest.current.label,
      vocabulary: () => latest.current.vocabulary,
      onChange: (text) => latest.current.onChange(text),
      onSave: () => latest.current.onSave(),
    });
    mounted.mark(latest.current.marks);
    editor.current = mounted;
    return () => mounted.destroy();
  }, [module]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the version says when
  useEffect(() => editor.current?.show(props.text), [props.version]);
  useEffect(() => editor.current?.mark(props.marks), [props.marks]);
  return (
    <div
      ref={place}
      className="min-h-96 overflow-hidden rounded-md border border-line-strong bg-raised [&_.cm-editor]:max-h-[72dvh] [&_.cm-editor]:min-h-96"
    >
      {module ? null : (
        <pre className="overflow-auto p-2 font-mono text-[12.5px] leading-5">{props.text}</pre>
      )}
    </div>
  );
}
