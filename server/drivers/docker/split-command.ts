/** A command that is one text, taken apart as a shell would: blanks, quotes, backslashes; nothing else. */
export function splitCommand(text: string): string[] {
  const words: string[] = [];
  for (const [written] of text.matchAll(/(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*'|["'\\])+/gs)) {
    words.push(
      written.replaceAll(
        /\\(.)|"((?:[^"\\]|\\.)*)"|'([^']*)'/gs,
        (whole, escaped?: string, double?: string, single?: string) =>
          escaped ?? single ?? double?.replaceAll(/\\(["\\$`])/g, "$1") ?? whole,
      ),
    );
  }
  return words;
}
