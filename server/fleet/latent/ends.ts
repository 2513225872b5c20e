/**
 * Machines whose providers said by themselves that they ended. It is a reason to ask now instead of at
 * the next look, and no more than that, so that this process alone knows it and may forget it.
 */
import type { InstanceId, WorkerId } from "../../domain/ids";

export class Ends {
  readonly #said = new Map<WorkerId, InstanceId>();

  said(workerId: WorkerId, machine: InstanceId): void {
    this.#said.set(workerId, machine);
  }

  isSaid(workerId: WorkerId, machine: InstanceId | undefined): boolean {
    return machine !== undefined && this.#said.get(workerId) === machine;
  }

  /** It is asked after. */
  forget(workerId: WorkerId): void {
    this.#said.delete(workerId);
  }
}
