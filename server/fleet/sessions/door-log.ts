/**
 * What the doors say of connections that became no session, as rows for people to see (W-008). A
 * flood is cut twice, by address and in all; what is cut is in the process's log all the same.
 */
import type { Peer, RefusalReason, WorkerDoor } from "../../protocols/contract";

const WINDOW_MS = 60_000;
const PER_ADDRESS = 20;
const IN_ALL = 200;
/** Port checks of a load balancer come and go for ever: a few of them say it all. */
const WORDLESS_PER_ADDRESS = 4;

export interface DoorEvent {
  readonly loginName: string | null;
  readonly peer: string;
  readonly reason: RefusalReason;
  readonly detail: string;
}

export interface DoorLogContext {
  readonly record: (event: DoorEvent) => void;
  readonly log: (message: string, fields: Record<string, unknown>) => void;
  readonly now: () => number;
}

export function createDoorLog(context: DoorLogContext): WorkerDoor["refused"] {
  const counts = new Map<string, number>();
  let inAll = 0;
  let since = context.now();

  function isWithinBounds(reason: RefusalReason, { address }: Peer): boolean {
    if (context.now() - since > WINDOW_MS) {
      counts.clear();
      inAll = 0;
      since = context.now();
    }
    if (inAll >= IN_ALL) return false;
    const isWordless = reason === "left" || reason === "silent";
    const key = isWordless ? `${address} wordless` : address;
    const count = (counts.get(key) ?? 0) + 1;
    if (count > (isWordless ? WORDLESS_PER_ADDRESS : PER_ADDRESS)) return false;
    counts.set(key, count);
    inAll++;
    return true;
  }

  return (reason, peer, loginName, detail) => {
    context.log("worker refused", { reason, peer: peer.address, loginName, detail });
    if (!isWithinBounds(reason, peer)) return;
    context.record({
      loginName: loginName === null ? null : printable(loginName),
      peer: peer.address,
      reason,
      detail: printable(detail),
    });
  };
}

/** Text from a peer, for a row: bounded, without control characters. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, "\uFFFD").slice(0, 200);
}
