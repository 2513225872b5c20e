/**
 * The builds this process runs. It looks for work when it is told to, and every few seconds in case
 * it was told and did not hear: what it owns stands in the database.
 */

import { gather } from "../../db/gather";
import type { Queryable } from "../../db/pool";
import { RETRY } from "../../domain/builds";
import type { BuildId, OrgId, ProcessId, SessionId, WorkerId } from "../../domain/ids";
import { mergeCalls } from "../../events/merge-calls";
import type { WorkerSession } from "../../protocols/contract";
import { giveUp } from "../recover/abandon";
import { awaitedHere, takeOver, unkept, withKept } from "../recover/await-worker";
import { keeperOf } from "./keeper";
import {
  type BuildToRun,
  loadBegun,
  loadOwned,
  loadPreparing,
  loadStopRequests,
} from "./load-build";
import { runBuild } from "./run-build";
import type { RunContext, RunningBuild } from "./run-context";

export interface BuildsContext extends RunContext {
  readonly db: Queryable;
  readonly processId: ProcessId;
  readonly connectionOf: (session: SessionId) => WorkerSession | null;
  /** The mark of the worker process at the other end, null of one that keeps nothing. */
  readonly keepsOf: (session: SessionId) => string | null | undefined;
  readonly ended: (session: SessionId | null) => void;
  readonly wake: (orgId: OrgId) => void;
}

export interface Builds {
  /** Begin what was claimed for us. Calls while it looks are merged. Never rejects. */
  look(): Promise<void>;
  /** A worker has come: carry on what it keeps, end what was kept by another. Never rejects. */
  attached(session: Attached): Promise<void>;
  /** Stop what somebody wants stopped, let go of what is not ours any more. Never rejects. */
  obeyStops(): Promise<void>;
  busy(session: SessionId): number;
  /** Those that would end with the session; the others are carried on over the worker's next one. */
  bound(session: SessionId): number;
  count(): number;
  /** Resolves when none runs any more. */
  idle(): Promise<void>;
}

export interface Attached {
  readonly id: SessionId;
  readonly workerId: WorkerId;
  /** The mark of the worker process at the other end, null of one that keeps nothing. */
  readonly keeps: string | null;
}

interface Entry {
  readonly builderId: number;
  readonly builderName: string;
  readonly sessionId: SessionId | null;
  readonly running: RunningBuild;
}

export function createBuilds(context: BuildsContext): Builds {
  const { db, processId, insist } = context;
  const builds = new Map<BuildId, Entry>();
  /** A build was left for later because the one before it had not quite ended here. */
  let isOneLeft = false;
  /** Sessions whose worker's builds are just being taken over. */
  const adopting = new Set<SessionId>();
  const haveKept = gather(async (workers: readonly WorkerId[]) => {
    const found = await insist("workers with kept builds", () => withKept(db, workers));
    return workers.map((worker) => found.has(worker));
  });

  function begin(build: BuildToRun): void {
    const { sessionId, orgId, buildId, builderId, builderName } = build;
    const connection = sessionId === null ? null : context.connectionOf(sessionId);
    const running = runBuild(context, build, connection);
    builds.set(buildId, { builderId, builderName, sessionId, running });
    void running.done.then(({ moreWaits }) => {
      builds.delete(buildId);
      if (sessionId !== null) tellWhatIsKept(sessionId);
      context.ended(sessionId);
      if (moreWaits) context.wake(orgId);
      if (isOneLeft) {
        isOneLeft = false;
        void look();
      }
    });
  }

  /** Not while it is found out what is. */
  function tellWhatIsKept(sessionId: SessionId): void {
    if (adopting.has(sessionId) || !context.keepsOf(sessionId)) return;
    const names = [...builds.values()]
      .filter((entry) => entry.sessionId === sessionId)
      .map(({ builderName }) => builderName);
    context.connectionOf(sessionId)?.keepOnly(names);
  }

  /** The connection may be lost again meanwhile; what is known of its worker stays true. */
  async function adopt({ id: sessionId, workerId, keeps }: Attached): Promise<void> {
    const { actor } = context;
    const keeper = keeperOf({ keeps });
    for (const fence of await unkept(db, sessionId, workerId, keeper)) {
      const reason = "its worker was started anew, and what it ran is gone";
      const orgId = await giveUp(db, fence, actor, RETRY, reason);
      if (orgId !== null) context.wake(orgId);
    }
    if (keeper === null) return;
    await takeOver(db, { sessionId, processId, workerId, keeper }, actor);
    context.announce();
    for (const build of await loadBegun(db, processId, sessionId)) {
      const former = builds.get(build.buildId);
      if (former?.sessionId === sessionId) continue;
      // Its connection is gone, but it may not have come to its end here yet.
      former?.running.abandon("it is carried on over another connection");
      await former?.running.done;
      begin(build);
    }
  }

  async function attached(session: Attached): Promise<void> {
    const { id: sessionId, workerId } = session;
    if (adopting.has(sessionId)) return;
    adopting.add(sessionId);
    try {
      if (await haveKept(workerId)) {
        await insist("builds to carry on", () => adopt(session));
      }
    } catch (error) {
      context.log("builds not carried on", { session: sessionId, error });
    } finally {
      adopting.delete(sessionId);
    }
    tellWhatIsKept(sessionId);
  }

  async function lookOnce(): Promise<void> {
    for (const build of await loadPreparing(db, processId)) {
      if (builds.has(build.buildId)) continue;
      const { sessionId, builderId } = build;
      // A build that was taken from us, or is over and just being forgotten, may still be ending
      // on this pair; never two commands at once.
      const isPairBusy = [...builds.values()].some(
        (entry) => entry.sessionId === sessionId && entry.builderId === builderId,
      );
      if (isPairBusy) {
        isOneLeft = true;
        continue;
      }
      begin(build);
    }
  }

  async function obeyOnce(): Promise<void> {
    for (const request of await loadStopRequests(db, processId)) {
      builds.get(request.buildId)?.running.stop(request);
    }
    const known = [...builds.keys()];
    const owned = new Map((await loadOwned(db, processId)).map((build) => [build.id, build]));
    for (const buildId of known) {
      if (!owned.has(buildId)) builds.get(buildId)?.running.abandon("it was taken away");
    }
    for (const { sessionId, workerId } of await awaitedHere(db, processId)) {
      const keeps = context.keepsOf(sessionId);
      if (keeps !== undefined) void attached({ id: sessionId, workerId, keeps });
    }
    for (const [buildId, { state, sessionId, epoch: ownerEpoch }] of owned) {
      if (state === "preparing" || builds.has(buildId)) continue;
      if (sessionId === null || adopting.has(sessionId)) continue;
      // Nobody runs it, so nobody would ever end it.
      const { actor } = context;
      const fence = { buildId, ownerId: processId, ownerEpoch };
      const orgId = await giveUp(db, fence, actor, RETRY, "it was lost");
      if (orgId === null) continue;
      context.log("a build of ours that nobody ran was given up", { build: buildId });
      context.announce();
      context.wake(orgId);
    }
  }

  const report = (what: string) => (error: unknown) => context.log(what, { error });
  const look = mergeCalls(() => insist("builds to run", lookOnce), report("builds not looked for"));
  const obey = mergeCalls(() => insist("builds to stop", obeyOnce), report("stops not looked for"));

  return {
    look,
    attached,
    // Behind a look that is under way: what that one saw not yet stopped is ours to stop then.
    obeyStops: () => look().then(obey),
    busy: (session) => [...builds.values()].filter((entry) => entry.sessionId === session).length,
    bound: (session) =>
      [...builds.values()].filter((entry) => entry.sessionId === session && !entry.running.isKept)
        .length,
    count: () => builds.size,
    async idle() {
      while (builds.size > 0) {
        await Promise.all([...builds.values()].map((entry) => entry.running.done));
      }
    },
  };
}
