/**
 * What must hold of locks: names exist and are one lock's, nobody asks for more than there is, and builds
 * cannot wait for one another for ever. Pure.
 *
 * A build has all of its own locks (its builder's and its worker's) from the moment it is claimed, and its
 * steps wait for theirs while it holds them. So two builds wait for ever only if each holds what a step of
 * the other wants, be it over several: a circle of locks, and none is let in.
 */
import { accessesOf, type LockAccess, mostOn } from "../domain/locks";
import { poolWorkerName } from "../domain/pools/options";
import { duplicates, placedBuilders, workerNames } from "./cross-check";
import { nearest, quote } from "./fields";
import { poolsOf } from "./pool-schema";
import type { Problem } from "./problems";
import type { BuilderOptions, Documents, LockOptions } from "./schema";
import type { Path } from "./source";

export function checkLocks(documents: Documents): Problem[] {
  // A project's document alone does not know what there is.
  if (documents.organization === null) return [];
  const { locks: list = [], workers = [], pools = [] } = documents.organization;
  const locks = new Map(list.flatMap((lock) => (lock ? [[lock.name, lock]] : [])));
  const onWorkers = new Map(
    whole(workers).map((worker) => [worker.name, accessesOf(worker.locks)]),
  );
  /** What a build of it may hold for its worker. */
  const onWorkersOf = (builder: BuilderOptions): LockAccess[] => [
    ...workerNames(builder).flatMap((name) => onWorkers.get(name) ?? []),
    ...poolsOf(builder, whole(pools)).flatMap(({ worker }) => accessesOf(worker?.locks)),
  ];
  const judge = (value: unknown, path: Path, names: readonly string[]) =>
    accessesOf(value).flatMap((access, index) =>
      accessProblems(access, [...path, "locks", index], locks, names),
    );
  return [
    ...duplicates(
      list.map(({ name }, index) => ({ name, path: ["locks", index, "name"], what: "lock" })),
    ),
    ...list.flatMap((lock, index) => unknownWorkers(lock, ["locks", index], [...onWorkers.keys()])),
    ...workers.flatMap(({ name, locks: own }, index) => judge(own, ["workers", index], [name])),
    ...whole(pools).flatMap((pool, index) =>
      judge(pool.worker?.locks, ["pools", index, "worker"], [poolWorkerName(pool.name, 1)]),
    ),
    ...placedBuilders(documents).flatMap(({ builder, path }) => [
      ...judge(builder.locks, path, workerNames(builder)),
      ...whole(builder.factory).flatMap((step, index) => {
        const at = [...path, "factory", index];
        const problems = judge(step.locks, at, workerNames(builder));
        return [...problems, ...heldAlready(builder, step, at, onWorkersOf(builder))];
      }),
    ]),
    ...circles(documents, onWorkersOf),
  ];
}

/** What is misshapen is a hole in its list. */
const whole = <T>(items: readonly T[] | undefined) => (items ?? []).filter(Boolean);

function accessProblems(
  { name, isExclusive, count }: LockAccess,
  path: Path,
  locks: ReadonlyMap<string, LockOptions>,
  workers: readonly string[],
): Problem[] {
  const lock = locks.get(name);
  if (!lock) {
    const near = nearest(name, [...locks.keys()]);
    const hint = near === null ? "" : `: did you mean ${quote(near)}?`;
    return [{ path, message: `there is no lock ${quote(name)}${hint}`, of: "value" }];
  }
  if (isExclusive) return [];
  const { type: kind, maxCount = 1 } = lock;
  const maxCountForWorker = ("maxCountForWorker" in lock ? lock.maxCountForWorker : null) ?? {};
  const counts = workers.map((worker) =>
    mostOn({ kind, maxCount, maxCountForWorker }, { name: worker }),
  );
  const most = Math.max(...counts, counts.length === 0 ? maxCount : 0);
  if (count <= most) return [];
  const message = `asks for ${count} of ${quote(name)}, which has ${most} at most`;
  return [{ path, message, of: "value" }];
}

function unknownWorkers(lock: LockOptions, path: Path, known: readonly string[]): Problem[] {
  if (!("maxCountForWorker" in lock)) return [];
  return Object.keys(lock.maxCountForWorker ?? {})
    .filter((name) => !known.includes(name))
    .map((name) => ({
      path: [...path, "maxCountForWorker", name],
      message: `there is no worker ${quote(name)}`,
      of: "key",
    }));
}

function heldAlready(
  builder: BuilderOptions,
  step: BuilderOptions["factory"][number],
  path: Path,
  onWorkers: readonly LockAccess[],
): Problem[] {
  const held = heldNames(builder, onWorkers);
  return accessesOf(step.locks).flatMap(({ name }, index): Problem[] => {
    if (!held.has(name)) return [];
    const message = `the build holds ${quote(name)} already, for its builder or its worker`;
    return [{ path: [...path, "locks", index], message, of: "value" }];
  });
}

function heldNames(builder: BuilderOptions, onWorkers: readonly LockAccess[]): Set<string> {
  return new Set([...accessesOf(builder.locks), ...onWorkers].map(({ name }) => name));
}

/** Held → wanted, over all builders; a builder whose step closes a circle is told of it. */
function circles(
  documents: Documents,
  onWorkersOf: (builder: BuilderOptions) => readonly LockAccess[],
): Problem[] {
  const wantedWith = new Map<string, Map<string, string>>();
  const problems: Problem[] = [];
  for (const { builder, path } of placedBuilders(documents)) {
    const held = heldNames(builder, onWorkersOf(builder));
    for (const [index, step] of (builder.factory ?? []).entries()) {
      for (const { name } of accessesOf(step?.locks)) {
        for (const own of held) {
          if (own === name) continue;
          const others = way(wantedWith, name, own);
          if (others !== null) {
            const with_ = others.map(quote).join(", ");
            const message = `could wait for ever: its build holds ${quote(own)} while the step wants ${quote(name)}, and builds of ${with_} the other way round`;
            problems.push({ path: [...path, "factory", index, "locks"], message, of: "value" });
            continue;
          }
          const wants = wantedWith.get(own) ?? new Map<string, string>();
          wantedWith.set(own, wants.set(name, builder.name));
        }
      }
    }
  }
  return problems;
}

/** The builders on a way from one lock to another, or null when there is none. */
function way(
  wantedWith: ReadonlyMap<string, ReadonlyMap<string, string>>,
  from: string,
  to: string,
  seen: ReadonlySet<string> = new Set(),
): string[] | null {
  for (const [next, builder] of wantedWith.get(from) ?? []) {
    if (next === to) return [builder];
    if (seen.has(next)) continue;
    const rest = way(wantedWith, next, to, new Set([...seen, from]));
    if (rest !== null) return [...new Set([builder, ...rest])];
  }
  return null;
}
