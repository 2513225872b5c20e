/**
 * What builds after changes: SingleBranchScheduler and AnyBranchScheduler differ in what shares a
 * timer, and in nothing else (CORE §8).
 */
import { z } from "zod";
import type { StoredChange } from "../domain/changes";
import { compileGlob } from "../domain/patterns";
import {
  type JsonValue,
  type Properties,
  renderText,
  renderTree,
  type Scope,
} from "../domain/properties";
import { compileFilter } from "./change-filter";
import { codebaseMap, stampsOf } from "./codebases";
import type { BuildsetPlan, Classified, Decision, Moment, Scheduler } from "./contract";
import type { ChangeSchedulerOptions, FileIsImportant } from "./schema";

/** When the timer of each line that has important changes ends. */
const cursorSchema = z.object({ timers: z.record(z.string(), z.number()) });

const timersOf = (cursor: unknown): Record<string, number> =>
  cursorSchema.safeParse(cursor).data?.timers ?? {};

export function onChanges(
  options: ChangeSchedulerOptions,
  lineOf: (change: StoredChange) => string,
): Scheduler {
  const passes = compileFilter(options.change_filter);
  const isImportant = compileImportance(options.fileIsImportant);
  const codebases = codebaseMap(options.codebases);
  // 0 is what Buildbot makes of it: no timer.
  const timerMs = options.treeStableTimer ? options.treeStableTimer * 1000 : null;

  const plan = (accepted: readonly Classified[]): BuildsetPlan => {
    const changes = accepted.map(({ change }) => change);
    const sourceStamps = stampsOf(changes, codebases);
    const scope = scopeOf(changes, sourceStamps);
    const own = renderTree(options.properties, scope) as Readonly<Record<string, JsonValue>>;
    return {
      key: `change ${changes.at(-1)?.id}`,
      builderNames: options.builderNames.map((name) => renderText(name, scope)),
      reason: renderText(options.reason ?? "", scope) || reasonOf(options.name, changes),
      priority: options.priority,
      properties: propertiesOf(changes, own),
      sourceStamps,
      changeIds: changes.map(({ id }) => id),
    };
  };

  return {
    classify(change) {
      if (codebases !== null && !Object.hasOwn(codebases, change.codebase)) return null;
      if (!passes(change)) return null;
      const important = isImportant(change);
      if (!important && (options.onlyImportant || timerMs === null)) return null;
      return { isImportant: important, line: lineOf(change) };
    },

    due(cursor, now) {
      return Object.entries(timersOf(cursor))
        .filter(([, at]) => at <= now)
        .map(([line]) => line);
    },

    decide(moment): Decision {
      const timers = timersOf(moment.cursor);
      const done = this.due(moment.cursor, moment.now);
      for (const line of done) delete timers[line];
      const buildsets = done
        .map((line) => moment.kept.filter((one) => one.line === line))
        .filter((kept) => kept.length > 0)
        .map(plan);
      if (timerMs === null) buildsets.push(...moment.changes.map((one) => plan([one])));
      else restart(timers, moment, timerMs);
      const times = Object.values(timers);
      return {
        buildsets,
        keep: timerMs === null ? [] : moment.changes,
        done,
        cursor: { timers },
        fireAt: times.length === 0 ? null : Math.min(...times),
      };
    },
  };
}

/** Each accepted change begins the wait anew; unimportant ones only where something is worth it. */
function restart(timers: Record<string, number>, { changes, now }: Moment, timerMs: number): void {
  for (const { line, isImportant } of changes) {
    if (isImportant || timers[line] !== undefined) timers[line] = now + timerMs;
  }
}

function compileImportance(given: FileIsImportant | undefined): (change: StoredChange) => boolean {
  if (given === undefined) return () => true;
  const globs = (patterns: string | readonly string[]) => [patterns].flat().map(compileGlob);
  const include = given.include === undefined ? null : globs(given.include);
  const exclude = globs(given.exclude ?? []);
  const counts = (file: string) =>
    (include === null || include.some((glob) => glob.matchesAll(file))) &&
    !exclude.some((glob) => glob.matchesAll(file));
  // One whose files are not all known may touch anything.
  return ({ files, fileCount }) => fileCount > files.length || files.some(counts);
}

/** What templates of a scheduler may refer to: the changes' properties, and what is to be built. */
function scopeOf(
  changes: readonly StoredChange[],
  sourceStamps: BuildsetPlan["sourceStamps"],
): Scope {
  return {
    properties: propertiesOf(changes, {}),
    sourceStamps: sourceStamps.map((stamp) => ({
      ...stamp,
      changes: changes
        .filter(({ codebase }) => codebase === stamp.codebase)
        .map(({ author, revision, branch }) => ({ author, revision, branch })),
    })),
  };
}

/** A scheduler's own win over those of changes (W-050); of changes, the newest. */
function propertiesOf(
  changes: readonly StoredChange[],
  own: Readonly<Record<string, JsonValue>>,
): Properties {
  const from = (values: Readonly<Record<string, JsonValue>>, source: string): Properties =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, [value, source]]));
  return Object.assign(
    {},
    ...changes.map(({ properties }) => from(properties, "Change")),
    from(own, "Scheduler"),
  );
}

function reasonOf(name: string, changes: readonly StoredChange[]): string {
  const branches = [...new Set(changes.map(({ branch }) => branch))];
  const [branch] = branches;
  const on = branches.length === 1 && branch ? ` on ${branch}` : "";
  return `${name}: ${changes.length === 1 ? "a change" : `${changes.length} changes`}${on}`;
}
