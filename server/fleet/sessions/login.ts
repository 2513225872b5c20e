/** Who may log in, and what becomes known of those who may not (W-004 to W-008, A-13). */
import { gather } from "../../db/gather";
import type { Queryable } from "../../db/pool";
import { isWithin, rangeOf } from "../../domain/addresses";
import { LoginRefused, type Peer, type WorkerDoor } from "../../protocols/contract";
import { createDoorLog } from "./door-log";
import { FailedLogins } from "./failed-logins";
import { findCredentials, recordDoorEvent } from "./session-store";

export interface LoginContext {
  readonly db: Queryable;
  readonly unseal: (sealed: Buffer) => string;
  readonly announce: () => void;
  readonly log: (message: string, fields: Record<string, unknown>) => void;
}

export interface Login extends Pick<WorkerDoor, "credentials" | "refused"> {
  /** The password was right. @returns of a latent worker, whose machine's it was */
  succeeded(peer: Peer, loginName: string): number | null;
}

export function createLogin({ db, unseal, announce, log }: LoginContext): Login {
  const failures = new FailedLogins(Date.now);
  /** Each connection has a peer of its own, from its first word to its login. */
  const generations = new WeakMap<Peer, number>();
  const found = gather((names: readonly string[]) => findCredentials(db, names));
  const write = createDoorLog({
    record: (event) => {
      recordDoorEvent(db, event).then(announce, (error: unknown) =>
        log("door event not written", { error }),
      );
    },
    log,
    now: Date.now,
  });

  return {
    async credentials(loginName, peer) {
      const problem = failures.problem(peer.address, loginName);
      if (problem !== null) throw new LoginRefused("too-many-failures", problem);
      // No row has such a name, and the database would refuse the whole statement with it.
      if (loginName.includes("\0")) return null;
      const worker = await found(loginName);
      if (!worker) return null;
      if (!isAllowed(peer.address, worker.allowedAddresses)) {
        const detail = `${peer.address} is not in allowed_addresses`;
        throw new LoginRefused("address-not-allowed", detail);
      }
      if (worker.generation !== null) generations.set(peer, worker.generation);
      return worker.sealed ? [unseal(worker.sealed)] : [];
    },
    succeeded(peer, loginName) {
      failures.succeeded(peer.address, loginName);
      return generations.get(peer) ?? null;
    },
    refused(reason, peer, loginName, detail) {
      const isFailure = reason === "unknown-name" || reason === "wrong-password";
      if (isFailure && loginName !== null) failures.failed(peer.address, loginName);
      write(reason, peer, loginName, detail);
    },
  };
}

/** @param allowed null: from anywhere */
export function isAllowed(address: string, allowed: readonly string[] | null): boolean {
  if (allowed === null) return true;
  return isWithin(
    address,
    allowed.flatMap((range) => rangeOf(range) ?? []),
  );
}
