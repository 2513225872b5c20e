/** What running a build needs of its process, and what its process may do with it. */
import type { Queryable } from "../../db/pool";
import type { LogId, OrgId, SessionId } from "../../domain/ids";
import type { OpenLog } from "../../logs";
import type { SecretReader } from "../../secrets/contract";
import type { Steps } from "../../steps/contract";
import type { LocksMoved } from "../locks/locks-moved";
import type { BuildToRun, StopRequest } from "./load-build";
import type { LogToOpen } from "./run-step";

export interface RunContext {
  readonly db: Queryable;
  readonly actor: string;
  readonly steps: Steps;
  readonly secrets: SecretReader;
  /** Where people reach us, without a slash at its end. */
  readonly publicUrl: string;
  readonly nextLogId: () => Promise<LogId>;
  readonly openLog: (build: BuildToRun, log: LogToOpen) => OpenLog;
  /** The worker is told of this builder unless it knows it. Rejects like `WorkerSession.serve`. */
  readonly serves: (session: SessionId, builderName: string) => Promise<void>;
  /** Settles when a session whose connection is gone is ended in the database too. */
  readonly left: (session: SessionId) => Promise<void>;
  /** Tell others that the outbox has news, at once or with whatever is told next. */
  readonly announce: () => void;
  readonly announceSoon: () => void;
  /** Somebody should look at the fleet's deadlines then; of alarms with one id one is enough. */
  readonly alarm: (id: string, afterMs: number) => void;
  readonly log: (message: string, fields: Record<string, unknown>) => void;
  /** Tells when locks were let go. */
  readonly locksMoved: LocksMoved;
  /** Requests of the organisation may find what they wait for. */
  readonly wake: (orgId: OrgId) => void;
  /** Retries through an outage of the database; rejects with StaleState or when fenced. */
  readonly insist: <T>(what: string, work: () => Promise<T>) => Promise<T>;
}

export interface RunningBuild {
  stop(request: StopRequest): void;
  /** It is not ours any more: what runs on the worker is interrupted, nothing more is begun. */
  abandon(reason: string): void;
  /** It has begun, and goes on over another connection when this process has ended. */
  readonly isKept: boolean;
  /** Settles when the build is finished or not ours any more. Never rejects. */
  readonly done: Promise<{ readonly moreWaits: boolean }>;
}
