/** What the address of the fleet's page asks for. */
import { SHOWN_WORDS, type ShownWord } from "../../../server/domain/workers/shown-state";

export interface AskedFor {
  readonly text: string;
  readonly isPattern: boolean;
  readonly words: readonly ShownWord[];
  readonly withOld: boolean;
  readonly page: number;
}

export function askedFor(query: { get(name: string): string | null }): AskedFor {
  const given = (query.get("state") ?? "").split(",");
  const page = Number(query.get("page") ?? 1);
  return {
    text: (query.get("q") ?? "").slice(0, 1000),
    isPattern: query.get("re") === "1",
    words: SHOWN_WORDS.filter((word) => given.includes(word)),
    withOld: query.get("old") === "1",
    page: Number.isInteger(page) && page >= 1 && page <= 1000 ? page : 1,
  };
}

/** The same for the server, which filters. */
export const filterOf = ({ text, isPattern, words, withOld }: AskedFor) => ({
  text,
  isPattern,
  words: [...words],
  withOld,
});
