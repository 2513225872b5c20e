/**
 * The builds this process runs. It looks for work when it is told to, and every few seconds in case
 * it was told and did not hear: what it owns stands in the database.
 */
import type { Queryable } from "../../db/pool";
import { RETRY } from "../../domain/builds";
import type { BuildId, OrgId, ProcessId, SessionId } from "../../domain/ids";
import { mergeCalls } from "../../events/merge-calls";
import type { WorkerSession } from "../../protocols/contract";
import { giveUp } from "../recover/abandon";
import { loadOwned, loadPreparing, loadStopRequests } from "./load-build";
import { type RunContext, type RunningBuild, runBuild } from "./run-build";

export interface BuildsContext extends RunContext {
  readonly db: Queryable;
  readonly processId: ProcessId;
  readonly connectionOf: (session: SessionId) => WorkerSession | null;
  readonly ended: (session: SessionId | null) => void;
  readonly wake: (orgId: OrgId) => void;
}

export interface Builds {
  /** Begin what was claimed for us. Calls while it looks are merged. Never rejects. */
  look(): Promise<void>;
  /** Stop what somebody wants stopped, let go of what is not ours any more. Never rejects. */
  obeyStops(): Promise<void>;
  busy(session: SessionId): number;
  count(): number;
  /** Resolves when none runs any more. */
  idle(): Promise<void>;
}

interface Entry {
  readonly builderId: number;
  readonly sessionId: SessionId | null;
  readonly running: RunningBuild;
}

export function createBuilds(context: BuildsContext): Builds {
  const { db, processId, insist } = context;
  const builds = new Map<BuildId, Entry>();
  /** A build was left for later because the one before it had not quite ended here. */
  let isOneLeft = false;

  async function lookOnce(): Promise<void> {
    for (const build of await loadPreparing(db, processId)) {
      if (builds.has(build.buildId)) continue;
      const { sessionId, orgId, buildId, builderId } = build;
      // A build that was taken from us, or is over and just being forgotten, may still be ending
      // on this pair; never two commands at once.
      const isPairBusy = [...builds.values()].some(
        (entry) => entry.sessionId === sessionId && entry.builderId === builderId,
      );
      if (isPairBusy) {
        isOneLeft = true;
        continue;
      }
      const connection = sessionId === null ? null : context.connectionOf(sessionId);
      const running = runBuild(context, build, connection);
      builds.set(buildId, { builderId, sessionId, running });
      void running.done.then(({ moreWaits }) => {
        builds.delete(buildId);
        context.ended(sessionId);
        if (moreWaits) context.wake(orgId);
        if (isOneLeft) {
          isOneLeft = false;
          void look();
        }
      });
    }
  }

  async function obeyOnce(): Promise<void> {
    for (const request of await loadStopRequests(db, processId)) {
      builds.get(request.buildId)?.running.stop(request);
    }
    const known = [...builds.keys()];
    const owned = new Map((await loadOwned(db, processId)).map(({ id, state }) => [id, state]));
    for (const buildId of known) {
      if (!owned.has(buildId)) builds.get(buildId)?.running.abandon("it was taken away");
    }
    for (const [buildId, state] of owned) {
      if (state === "preparing" || builds.has(buildId)) continue;
      // Nobody runs it, so nobody would ever end it.
      const { actor } = context;
      const orgId = await giveUp(db, { buildId, ownerId: processId }, actor, RETRY, "it was lost");
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
    // Behind a look that is under way: what that one saw not yet stopped is ours to stop then.
    obeyStops: () => look().then(obey),
    busy: (session) => [...builds.values()].filter((entry) => entry.sessionId === session).length,
    count: () => builds.size,
    async idle() {
      while (builds.size > 0) {
        await Promise.all([...builds.values()].map((entry) => entry.running.done));
      }
    },
  };
}
