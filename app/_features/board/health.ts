/** What a builder's row says: its state, what broke it, since when. Pure. */
import { type Bar, barState } from "../build-strip/geometry";
import { isBad, NEWS_ORDER, resultState, type StateName } from "../status/states";

export interface BuilderRow {
  readonly id: number;
  readonly name: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly project: string | null;
  readonly pending: number;
  readonly workers: number;
  readonly connected: number;
  readonly builds: readonly Bar[];
  readonly brokenStep: string | null;
  readonly lastEndedAt: number | null;
}

export interface Health {
  /** Of the newest finished build that says something about the code. */
  readonly state: StateName;
  readonly isRunning: boolean;
  readonly newest: Bar | null;
  /** First of the bad builds in a row that lasts to now, as far as the strip goes back. */
  readonly badSince: Bar | null;
  /** The newest finished bad build, while the builder is bad. */
  readonly broken: Bar | null;
}

/** Builds that a person stopped, or that ran nowhere, say nothing of the code. */
const SAYS_NOTHING: readonly StateName[] = ["cancelled", "skipped", "retry"];

export function healthOf(builder: Pick<BuilderRow, "builds">): Health {
  const finished = builder.builds.filter((build) => build.state === "finished");
  const telling = finished.filter((build) => !SAYS_NOTHING.includes(barState(build)));
  const last = telling.at(-1) ?? finished.at(-1) ?? null;
  const newest = builder.builds.at(-1) ?? null;
  let badSince: Bar | null = null;
  for (const build of [...telling].reverse()) {
    if (!isBad(build.result)) break;
    badSince = build;
  }
  return {
    state: last ? resultState(last.result) : newest ? barState(newest) : "none",
    isRunning: newest !== null && newest.state !== "finished",
    newest,
    badSince,
    broken: badSince ? (telling.at(-1) ?? null) : null,
  };
}

/** Failing first, then by name. */
export function failingFirst(builders: readonly BuilderRow[]): BuilderRow[] {
  const rank = (builder: BuilderRow) => NEWS_ORDER.indexOf(healthOf(builder).state);
  return [...builders].sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1));
}

export interface BoardFilter {
  readonly text: string;
  readonly tags: readonly string[];
}

/** The text in name, project or description; every tag present. */
export function matching(builders: readonly BuilderRow[], filter: BoardFilter): BuilderRow[] {
  const text = filter.text.trim().toLowerCase();
  return builders.filter(
    (builder) =>
      filter.tags.every((tag) => builder.tags.includes(tag)) &&
      (text === "" ||
        [builder.name, builder.project ?? "", builder.description].some((part) =>
          part.toLowerCase().includes(text),
        )),
  );
}

/** Tags in use, the most used first. */
export function tagsOf(builders: readonly BuilderRow[]): string[] {
  const counts = new Map<string, number>();
  for (const { tags } of builders) {
    for (const tag of tags) counts.set(tag, (counts.get(tag) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).map(([tag]) => tag);
}

/** Keeps rows where they are while somebody points at them; new ones go to the end. */
export function steady<T extends { readonly id: number }>(
  wanted: readonly T[],
  shown: readonly number[],
  isHeld: boolean,
): T[] {
  if (!isHeld) return [...wanted];
  const place = new Map(shown.map((id, index) => [id, index]));
  const of = (row: T) => place.get(row.id) ?? Number.MAX_SAFE_INTEGER;
  return [...wanted].sort((a, b) => of(a) - of(b));
}
