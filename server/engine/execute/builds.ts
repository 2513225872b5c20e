/**
 * The builds this process runs. It looks for work when it is told to, and when it may have missed
 * a notification: what it owns stands in the database.
 */
import type { Queryable } from "../../db/pool";
import type { BuildId, OrgId, ProcessId, SessionId } from "../../domain/ids";
import type { WorkerSession } from "../../protocols/contract";
import { loadPreparing, loadStopRequests, stillOurs } from "./load-build";
import { type RunContext, type RunningBuild, runBuild } from "./run-build";

export interface BuildsContext extends RunContext {
  readonly db: Queryable;
  readonly processId: ProcessId;
  readonly connectionOf: (session: SessionId) => WorkerSession | null;
  readonly ended: (session: SessionId | null) => void;
  readonly wake: (orgId: OrgId) => void;
}

export interface Builds {
  /** Begin what was claimed for us. Calls while it looks are merged. */
  look(): Promise<void>;
  /** Stop what somebody wants stopped. */
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
  const builds = new Map<BuildId, Entry>();
  /** Not ours any more, but still ending on the worker. */
  const takenAway = new Set<BuildId>();
  let looking: Promise<void> | null = null;
  let again = false;

  async function lookOnce(): Promise<void> {
    for (const build of await loadPreparing(context.db, context.processId)) {
      if (builds.has(build.buildId)) continue;
      const { sessionId, orgId, buildId, builderId } = build;
      // A build that was taken from us may still be ending on this pair; never two commands at once.
      const isPairBusy = [...builds.values()].some(
        (entry) => entry.sessionId === sessionId && entry.builderId === builderId,
      );
      if (isPairBusy) continue;
      const connection = sessionId === null ? null : context.connectionOf(sessionId);
      const running = runBuild(context, build, connection);
      builds.set(buildId, { builderId, sessionId, running });
      void running.done.then(({ moreWaits }) => {
        builds.delete(buildId);
        context.ended(sessionId);
        if (moreWaits) context.wake(orgId);
        if (takenAway.delete(buildId)) void look();
      });
    }
  }

  async function obeyStops(): Promise<void> {
    for (const request of await loadStopRequests(context.db, context.processId)) {
      builds.get(request.buildId)?.running.stop(request);
    }
    const ours = new Set(await stillOurs(context.db, context.processId, [...builds.keys()]));
    for (const [buildId, { running }] of builds) {
      if (ours.has(buildId)) continue;
      takenAway.add(buildId);
      running.stop({ buildId, reason: "it was taken away", by: context.actor, result: null });
    }
  }

  function look(): Promise<void> {
    if (looking) {
      again = true;
      return looking;
    }
    looking = (async () => {
      do {
        again = false;
        await lookOnce();
      } while (again);
    })().finally(() => {
      looking = null;
    });
    return looking;
  }

  return {
    look,
    obeyStops,
    busy: (session) => [...builds.values()].filter((entry) => entry.sessionId === session).length,
    count: () => builds.size,
    async idle() {
      while (builds.size > 0) {
        await Promise.all([...builds.values()].map((entry) => entry.running.done));
      }
    },
  };
}
