/** Where a worker that is awaited stands: the newest of what the doors and its sessions say. */
import type { WorkerPage } from "@/server/api/workers/one";
import type { StrangerRow } from "@/server/api/workers/strangers";
import { DOOR_LAYERS, type DoorLayer, refusalOf } from "@/server/domain/workers/refusal";

export interface Failure {
  readonly layer: DoorLayer;
  readonly says: string;
  readonly advice: string;
  readonly reason: string;
  readonly detail: string;
  readonly peer: string;
  readonly at: number;
  /** It said no name that is known, so it may be somebody else's. */
  readonly isStranger: boolean;
  readonly loginName: string | null;
}

export interface Arrival {
  readonly isConnected: boolean;
  readonly failure: Failure | null;
  /** Layer by layer: passed, failed, or not reached. */
  readonly layers: readonly { id: DoorLayer; title: string; state: "passed" | "failed" | "open" }[];
}

type Awaited = Pick<WorkerPage, "isConnected" | "door" | "sessions">;

export function arrivalOf(worker: Awaited, strangers: readonly StrangerRow[]): Arrival {
  const since = worker.sessions[0]?.endedAt ?? worker.sessions[0]?.startedAt ?? 0;
  const told: Failure[] = [
    ...worker.door.map((event) => failureOf(event, false, null)),
    ...strangers.map((event) => failureOf(event, true, event.loginName)),
  ].filter(({ at }) => at > since);
  const failure = worker.isConnected
    ? null
    : (told.sort((a, b) => b.at - a.at || weight(b) - weight(a))[0] ?? null);
  const reached = worker.isConnected
    ? DOOR_LAYERS.length
    : DOOR_LAYERS.findIndex(({ id }) => id === failure?.layer);
  return {
    isConnected: worker.isConnected,
    failure,
    layers: DOOR_LAYERS.map(({ id, title }, index) => ({
      id,
      title,
      state: index < reached ? "passed" : index === reached ? "failed" : "open",
    })),
  };
}

/** What came further says more, at the same moment. */
const weight = ({ layer }: Failure) => DOOR_LAYERS.findIndex(({ id }) => id === layer);

function failureOf(
  event: { at: number; peer: string; reason: string; detail: string },
  isStranger: boolean,
  loginName: string | null,
): Failure {
  return { ...refusalOf(event.reason), ...event, isStranger, loginName };
}
