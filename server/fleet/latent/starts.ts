/**
 * Calls that ask a provider for a machine, in this process. One may take minutes, so whoever has news of
 * its worker meanwhile says so here, and it ends before its time when the machine is needed no more. News
 * that came between the last look at the row and the call is heard as well.
 */
import type { WorkerId } from "../../domain/ids";

export class Starts {
  readonly #considering = new Map<WorkerId, () => Promise<void>>();
  /** Something happened since it was last looked at. */
  readonly #news = new Set<WorkerId>();

  /** Whatever happened until now, the caller is about to see. */
  looking(workerId: WorkerId): void {
    this.#news.delete(workerId);
  }

  reconsider(workerId?: WorkerId): void {
    if (workerId === undefined) {
      for (const consider of this.#considering.values()) void consider();
      return;
    }
    this.#news.add(workerId);
    void this.#considering.get(workerId)?.();
  }

  async during<T>(
    workerId: WorkerId,
    consider: () => Promise<void>,
    work: () => Promise<T>,
  ): Promise<T> {
    this.#considering.set(workerId, consider);
    if (this.#news.has(workerId)) void consider();
    try {
      return await work();
    } finally {
      this.#considering.delete(workerId);
    }
  }
}
