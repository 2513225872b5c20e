/** The editor itself. Loaded when its page is open, and by no other page. */
import {
  autocompletion,
  type CompletionContext,
  closeBrackets,
  closeBracketsKeymap,
  completionKeymap,
} from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { bracketMatching, indentUnit } from "@codemirror/language";
import { type Diagnostic, lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { Annotation, EditorState } from "@codemirror/state";
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  hoverTooltip,
  keymap,
  lineNumbers,
} from "@codemirror/view";
import { look } from "./look";
import { explain, suggest, type Vocabulary } from "./vocabulary";

export interface Mark {
  readonly line: number;
  readonly column: number;
  readonly message: string;
  readonly severity: "error" | "warning";
}

export interface EditorOptions {
  readonly text: string;
  readonly label: string;
  readonly vocabulary: () => Vocabulary | null;
  readonly onChange: (text: string) => void;
  /** Ctrl-S, Cmd-S. */
  readonly onSave: () => void;
}

export interface Editor {
  /** Another document, or the same one as it was: what was undone before is forgotten. */
  show(text: string): void;
  mark(marks: readonly Mark[]): void;
  goTo(line: number, column: number): void;
  destroy(): void;
}

const fromOutside = Annotation.define<boolean>();

export function mountEditor(parent: HTMLElement, options: EditorOptions): Editor {
  const extensions = extensionsOf(options);
  const stateOf = (doc: string) => EditorState.create({ doc, extensions });
  const view = new EditorView({ parent, state: stateOf(options.text) });
  return {
    show(text) {
      if (text !== view.state.doc.toString()) view.setState(stateOf(text));
    },
    mark(marks) {
      const { doc } = view.state;
      const diagnostics = marks.map(({ line, column, message, severity }): Diagnostic => {
        const at = doc.line(Math.min(Math.max(1, line), doc.lines));
        const from = Math.min(at.to, at.from + Math.max(0, column - 1));
        const word = /^[^\s,}\]]+/.exec(doc.sliceString(from, at.to))?.[0].length ?? 0;
        return { from, to: from + word, severity, message };
      });
      view.dispatch(setDiagnostics(view.state, diagnostics), {
        annotations: fromOutside.of(true),
      });
    },
    goTo(line, column) {
      const { doc } = view.state;
      const at = doc.line(Math.min(Math.max(1, line), doc.lines));
      const anchor = Math.min(at.to, at.from + Math.max(0, column - 1));
      view.dispatch({
        selection: { anchor },
        effects: EditorView.scrollIntoView(anchor, { y: "center" }),
      });
      view.focus();
    },
    destroy: () => view.destroy(),
  };
}

function extensionsOf({ label, vocabulary, onChange, onSave }: EditorOptions) {
  const save = () => {
    onSave();
    return true;
  };
  return [
    lineNumbers(),
    highlightActiveLine(),
    highlightActiveLineGutter(),
    history(),
    drawSelection(),
    bracketMatching(),
    closeBrackets(),
    indentUnit.of("  "),
    yaml(),
    look,
    lintGutter(),
    autocompletion({ override: [(context) => complete(context, vocabulary())], icons: false }),
    hoverTooltip((view, position) => about(view, position, vocabulary())),
    keymap.of([
      { key: "Mod-s", run: save, preventDefault: true },
      ...closeBracketsKeymap,
      ...defaultKeymap,
      ...historyKeymap,
      ...completionKeymap,
      ...lintKeymap,
      // Escape, then Tab leaves the editor: CodeMirror's own rule.
      indentWithTab,
    ]),
    // A scrolling region must be reachable: the text inside it is, and says so.
    EditorView.contentAttributes.of({ "aria-label": label, spellcheck: "false", tabindex: "0" }),
    EditorView.updateListener.of((update) => {
      if (update.docChanged) onChange(update.state.doc.toString());
    }),
  ];
}

function complete(context: CompletionContext, vocabulary: Vocabulary | null) {
  if (!vocabulary) return null;
  const { state, pos, explicit } = context;
  const found = suggest(vocabulary, state.doc.toString(), pos);
  if (
    !found ||
    (found.from === pos && !explicit && !/[\s[{,]$/.test(state.sliceDoc(pos - 1, pos)))
  ) {
    return null;
  }
  // Behind an indentation nobody asked; behind a name's colon or a dash somebody may want to know.
  if (!explicit && found.from === pos && !/[:\-[{,]\s$/.test(state.sliceDoc(pos - 2, pos))) {
    return null;
  }
  return {
    from: found.from,
    options: found.suggestions.map(({ label, detail, info, text, kind }) => ({
      label,
      detail,
      apply: text,
      type: kind,
      ...(info === "" ? {} : { info }),
    })),
    validFor: /^[\w.-]*$/,
  };
}

function about(view: EditorView, position: number, vocabulary: Vocabulary | null) {
  const found = vocabulary && explain(vocabulary, view.state.doc.toString(), position);
  if (!found) return null;
  return {
    pos: position,
    create: () => {
      const dom = document.createElement("div");
      dom.className = "cm-about";
      const title = document.createElement("strong");
      title.textContent = found.title;
      const text = document.createElement("div");
      text.textContent = found.about;
      dom.append(title, text);
      return { dom };
    },
  };
}
