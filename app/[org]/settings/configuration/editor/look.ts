/** The editor in the colours of the page: every one is a variable with a light and a dark value. */
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { EditorView } from "@codemirror/view";
import { tags } from "@lezer/highlight";

const theme = EditorView.theme({
  "&": { color: "var(--fg)", backgroundColor: "var(--bg-raised)", fontSize: "12.5px" },
  "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "-1px" },
  ".cm-scroller": { fontFamily: "var(--font-mono)", lineHeight: "20px", overflow: "auto" },
  ".cm-content": { caretColor: "var(--accent)", padding: "8px 0" },
  ".cm-cursor": { borderLeftColor: "var(--accent)", borderLeftWidth: "2px" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground":
    { backgroundColor: "var(--accent-soft)" },
  ".cm-gutters": {
    color: "var(--fg-muted)",
    backgroundColor: "var(--bg-sunken)",
    borderRight: "1px solid var(--line)",
  },
  ".cm-activeLine, .cm-activeLineGutter": {
    backgroundColor: "color-mix(in srgb, var(--bg-hover) 55%, transparent)",
  },
  ".cm-tooltip": {
    color: "var(--fg)",
    backgroundColor: "var(--bg-raised)",
    border: "1px solid var(--line-strong)",
    borderRadius: "var(--radius-md)",
    boxShadow: "var(--shadow)",
    maxWidth: "min(92vw, 460px)",
  },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "var(--font-mono)", maxHeight: "16em" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: "3px 8px" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": {
    color: "var(--accent-fg)",
    backgroundColor: "var(--accent)",
  },
  ".cm-completionDetail": { fontStyle: "normal", opacity: "0.8" },
  ".cm-completionInfo": { padding: "6px 10px", maxWidth: "320px" },
  ".cm-about": { padding: "6px 10px" },
  ".cm-about strong": { fontFamily: "var(--font-mono)", fontWeight: "600" },
  ".cm-panels": { color: "var(--fg)", backgroundColor: "var(--bg-sunken)" },
  ".cm-diagnostic": { padding: "4px 8px" },
  ".cm-changedLine, .cm-insertedLine": { backgroundColor: "var(--green-soft) !important" },
  ".cm-deletedChunk, .cm-deletedLine": { backgroundColor: "var(--red-soft) !important" },
  ".cm-changedText, .cm-insertedLine .cm-changedText": {
    background: "color-mix(in srgb, var(--green-fill) 35%, transparent) !important",
  },
  ".cm-deletedText, .cm-deletedChunk .cm-deletedText": {
    background: "color-mix(in srgb, var(--red-fill) 30%, transparent) !important",
  },
  ".cm-collapsedLines": {
    color: "var(--fg-muted)",
    background: "var(--bg-sunken)",
    borderBlock: "1px solid var(--line)",
  },
  ".cm-chunkButtons button": {
    color: "var(--fg) !important",
    background: "var(--bg-raised) !important",
    border: "1px solid var(--line-strong) !important",
    padding: "2px 8px !important",
    minHeight: "24px",
  },
});

const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--accent)" },
  { tag: tags.string, color: "var(--green)" },
  { tag: [tags.number, tags.bool, tags.null, tags.keyword], color: "var(--purple)" },
  { tag: [tags.comment, tags.lineComment], color: "var(--fg-muted)", fontStyle: "italic" },
  { tag: [tags.labelName, tags.typeName], color: "var(--orange)" },
]);

export const look = [theme, syntaxHighlighting(colours)];
