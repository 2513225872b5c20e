/** What whoever drives latent workers needs of its process, and what it is to others. */
import type { Queryable } from "../../db/pool";
import type { OrgId, ProcessId, WorkerId } from "../../domain/ids";
import type { Failure } from "../../domain/latent";
import type { Scope } from "../../domain/properties";
import type { Alarm } from "../deadlines";
import type { Ends } from "./ends";
import type { DriverAccess } from "./open-driver";
import type { MasterDoors } from "./order";
import type { Turns } from "./turns";

export interface LatentContext extends DriverAccess {
  readonly db: Queryable;
  readonly processId: ProcessId;
  readonly actor: string;
  /** On every machine of ours. */
  readonly installation: string;
  readonly master: MasterDoors;
  readonly seal: (clear: string) => Buffer;
  readonly unseal: (sealed: Buffer) => string;
  /** What options of its driver may refer to: of the first build that waits; of none, nothing. */
  readonly scopeOf: (workerId: WorkerId) => Promise<Pick<Scope, "properties" | "sourceStamps">>;
  /** Those who wait for this worker's machine get none. May be called again. */
  readonly fail: (workerId: WorkerId, failure: Failure) => Promise<void>;
  /** Builds that wait for this worker to come back wait no longer. May be called again. */
  readonly giveUpLost: (workerId: WorkerId, reason: string) => Promise<void>;
  /** The machine is there: those who wait for it may begin. May be called again. */
  readonly release: (workerId: WorkerId) => Promise<void>;
  /** Builds that have the machine are told to stop, and are over with. May be called again. */
  readonly endBuilds: (workerId: WorkerId, reason: string) => Promise<void>;
  /** Requests of this organisation may find a worker now. */
  readonly wake: (orgId: OrgId) => void;
  readonly announce: () => void;
  /** A process is to look at what was asked of its sessions. */
  readonly tell: (owner: ProcessId) => void;
  /** A process is to look whether what it waits for is still needed (`reconsider`). */
  readonly tellHolder: (holder: ProcessId, workerId: WorkerId) => void;
  /** Somebody should look at the fleet's deadlines then. */
  readonly alarm: (...alarm: Alarm) => void;
  readonly log: (message: string, fields: Record<string, unknown>) => void;
  /** A line for those who wait for this worker's machine: h, of us; o, of the machine. */
  readonly note: (workerId: WorkerId, voice: "h" | "o", line: string) => void;
  /** Runs until it succeeds or this process is fenced. */
  readonly insist: <T>(what: string, work: () => Promise<T>) => Promise<T>;
}

export interface LatentFleet {
  /**
   * Never rejects; calls for one worker while it is seen to are one more look behind it. One that waits
   * for a machine that nobody needs any more waits no longer.
   */
  see(workerId: WorkerId): Promise<void>;
  /**
   * Somebody else found this worker, or any, held by this process: whether what it waits for is still
   * needed. One that is held here and not seen to, because the answer to our own statement was lost, is
   * seen to now.
   */
  reconsider(workerId?: WorkerId): void;
  /** Of calls at providers, whoever makes them. */
  readonly turns: Turns;
  readonly ends: Ends;
}
