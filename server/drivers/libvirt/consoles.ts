/**
 * What machines print while they start. It is told on, as far as it was not yet, each time that one is
 * looked at; nothing stays open between two looks.
 */

import type { MachineFiles } from "./machine-files";
import { hide } from "./refusal";

interface Heard {
  readonly offset: number;
  readonly hidden: readonly string[];
}

/** Those that nobody asked to end are forgotten when there are so many. */
const MOST_HEARD = 1_000;
const MOST_LINES = 300;
const LAST_WORDS = 2_000;
/** Colours and movements of a terminal, and all else that is no text. */
const CONTROL = /(?![\n\t])\p{Cc}(\[[0-9;?]*[ -/]*[@-~])?/gu;

export class Consoles {
  readonly #heard = new Map<string, Heard>();

  /** @param hidden what must not be told, although it is printed */
  begin(key: string, hidden: readonly string[]): void {
    this.#keep(key, { offset: 0, hidden });
  }

  end(key: string): void {
    this.#heard.delete(key);
  }

  async tell(key: string, files: MachineFiles, note: (line: string) => void): Promise<void> {
    // Of a machine that another process started everything is told, once more.
    const heard = this.#heard.get(key) ?? { offset: 0, hidden: await files.secrets() };
    const { text, next } = await files.printedSince(heard.offset);
    this.#keep(key, { ...heard, offset: next });
    const lines = plain(text, heard.hidden)
      .split("\n")
      .filter((line) => line !== "");
    for (const line of lines.slice(0, MOST_LINES)) note(line);
    if (lines.length > MOST_LINES) note(`(and ${lines.length - MOST_LINES} lines more)`);
  }

  /** The last that was printed, for whoever has to know why. */
  async lastWords(key: string, files: MachineFiles): Promise<string> {
    const hidden = this.#heard.get(key)?.hidden ?? (await files.secrets());
    // More was read than is told: what is hidden may have been cut at its beginning.
    return plain(await files.consoleTail(), hidden)
      .trim()
      .slice(-LAST_WORDS);
  }

  #keep(key: string, heard: Heard): void {
    this.#heard.delete(key);
    this.#heard.set(key, heard);
    const [oldest] = this.#heard.keys();
    if (this.#heard.size > MOST_HEARD && oldest !== undefined) this.#heard.delete(oldest);
  }
}

const plain = (text: string, hidden: readonly string[]) =>
  hide(text, hidden).replaceAll("\r\n", "\n").replaceAll(CONTROL, "");
