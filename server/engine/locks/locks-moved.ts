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

  /** Listens from now on: `happened` settles when it is worth looking again, or is stopped. */
  next(stop: AbortSignal): { readonly happened: Promise<void>; readonly cancel: () => void } {
    let settle: () => void = () => {};
    const happened = new Promise<void>((resolve) => {
      settle = resolve;
    });
    const cancel = () => {
      clearTimeout(timer);
      this.#waiting.delete(cancel);
      stop.removeEventListener("abort", cancel);
      settle();
    };
    const timer = setTimeout(cancel, LOOK_AGAIN_MS);
    this.#waiting.add(cancel);
    stop.addEventListener("abort", cancel, { once: true });
    if (stop.aborted) cancel();
    return { happened, cancel };
  }
}
