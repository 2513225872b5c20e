/**
 * The selected text of a log, without numbers and marks: browsers disagree about what
 * `user-select: none` leaves out of a copy.
 */
export function selectedText(root: HTMLElement, selection: Selection | null): string | null {
  if (!selection || selection.isCollapsed || selection.rangeCount === 0) return null;
  const selected = selection.getRangeAt(0);
  const lines: string[] = [];
  for (const element of root.querySelectorAll("[data-text]")) {
    if (!selected.intersectsNode(element)) continue;
    const part = document.createRange();
    part.selectNodeContents(element);
    if (selected.compareBoundaryPoints(Range.START_TO_START, part) > 0) {
      part.setStart(selected.startContainer, selected.startOffset);
    }
    if (selected.compareBoundaryPoints(Range.END_TO_END, part) < 0) {
      part.setEnd(selected.endContainer, selected.endOffset);
    }
    lines.push(part.toString());
  }
  return lines.length === 0 ? null : lines.join("\n");
}
