/**
 * Keys, from the registry that also fills the command menu and the sheet of keys. A key is one
 * character ("f"), a name ("Escape"), or two of them in a row ("g b"). While a field has the
 * focus or a dialog is open, only Escape and chords with ⌘ or Ctrl count.
 */
export interface Command {
  readonly id: string;
  readonly label: string;
  readonly keys?: string | null;
  /** Heading in the sheet of keys. */
  readonly group: string;
  run(): void;
}

/** How long after its first key the second of a sequence counts, in milliseconds. */
const SEQUENCE_MS = 1200;

export interface Pressed {
  readonly key: string;
  readonly at: number;
}

/**
 * What a key press means, given the one before it.
 *
 * @returns the command to run, or "wait" when it may begin a sequence, or null
 */
export function matchKeys(
  commands: readonly Command[],
  before: Pressed | null,
  pressed: Pressed,
): Command | "wait" | null {
  if (before && pressed.at - before.at <= SEQUENCE_MS) {
    const sequence = `${before.key} ${pressed.key}`;
    const found = commands.find((command) => command.keys === sequence);
    if (found) return found;
  }
  const single = commands.find((command) => command.keys === pressed.key);
  if (single) return single;
  return commands.some((command) => command.keys?.startsWith(`${pressed.key} `)) ? "wait" : null;
}

/** Whether typing there is writing. */
export function isWriting(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return (
    target.isContentEditable ||
    target.tagName === "TEXTAREA" ||
    target.tagName === "SELECT" ||
    (target instanceof HTMLInputElement && !["checkbox", "radio", "button"].includes(target.type))
  );
}

/** `g b` as the caps a person presses. */
export function keyCaps(keys: string): string[] {
  return keys.split(" ").map((key) => (key === "Escape" ? "esc" : key));
}
