/** Two texts against each other: to read, or to choose from change by change. */
import { yaml } from "@codemirror/lang-yaml";
import { MergeView, unifiedMergeView } from "@codemirror/merge";
import { EditorState } from "@codemirror/state";
import { EditorView, lineNumbers } from "@codemirror/view";
import { look } from "./look";

export interface CompareOptions {
  readonly before: string;
  readonly after: string;
  readonly labels: readonly [before: string, after: string];
  readonly isSideBySide: boolean;
  /** Given: `after` may be edited, and each change taken back. */
  readonly onChange?: (text: string) => void;
}

const base = [lineNumbers(), yaml(), look, EditorView.lineWrapping];
const still = [EditorState.readOnly.of(true), EditorView.editable.of(false)];
const named = (label: string) =>
  EditorView.contentAttributes.of({
    "aria-label": label,
    tabindex: "0",
    role: "textbox",
    "aria-multiline": "true",
    "aria-readonly": "true",
  });

export function mountCompare(parent: HTMLElement, options: CompareOptions): () => void {
  const { before, after, labels, isSideBySide, onChange } = options;
  const collapseUnchanged = { margin: 3, minSize: 6 };
  if (isSideBySide) {
    const view = new MergeView({
      parent,
      a: { doc: before, extensions: [...base, ...still, named(labels[0])] },
      b: { doc: after, extensions: [...base, ...still, named(labels[1])] },
      collapseUnchanged,
    });
    return () => view.destroy();
  }
  const view = new EditorView({
    parent,
    doc: after,
    extensions: [
      ...base,
      ...(onChange
        ? [
            EditorView.contentAttributes.of({ "aria-label": labels[1] }),
            EditorView.updateListener.of((update) => {
              if (update.docChanged) onChange(update.state.doc.toString());
            }),
          ]
        : [...still, named(labels[1])]),
      unifiedMergeView({
        original: before,
        mergeControls: onChange ? controls : false,
        collapseUnchanged,
      }),
    ],
  });
  return () => view.destroy();
}

/** What stands in the text is mine, what it is held against is theirs. */
function controls(type: "accept" | "reject", action: (event: MouseEvent) => void): HTMLElement {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = type === "accept" ? "Keep mine" : "Take theirs";
  button.onmousedown = action;
  button.onkeydown = (event) => {
    if (event.key === "Enter" || event.key === " ") action(event as unknown as MouseEvent);
  };
  return button;
}
