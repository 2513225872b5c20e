/** Wakes the steps of this process that wait for locks, when some were let go anywhere. */

/** In case nobody told us. */
const LOOK_AGAIN_MS = 15_000;

export class LocksMoved {
  #waiting = new Set<() => void>();

  tell(): void {
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const wake of waiting) wake();
  }

  /** Begins to listen now; `happened` settles when it is worth looking again, or is stopped. */
  next(stop: AbortSignal): { readonly happened: Promise<void> } {
    let resolve: () => void = () => {};
    const promise = new Promise<void>((settle) => {
      resolve = settle;
    });
    const timer = setTimeout(resolve, LOOK_AGAIN_MS);
    const done = () => resolve();
    this.#waiting.add(done);
    if (stop.aborted) done();
    stop.addEventListener("abort", done, { once: true });
    const happened = promise.finally(() => {
      clearTimeout(timer);
      this.#waiting.delete(done);
      stop.removeEventListener("abort", done);
    });
    return { happened };
  }
}
