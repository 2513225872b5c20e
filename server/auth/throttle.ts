/**
 * Slows down guessing. Failures are counted per key (an address, an e-mail) in fixed windows, in
 * bounded memory: with several web processes each counts its own, which multiplies the allowance by
 * their number and keeps it finite.
 */
export interface Throttle {
  /** Whether this key has used up its tries. */
  isShut(key: string, now: number): boolean;
  failed(key: string, now: number): void;
  succeeded(key: string): void;
}

export interface ThrottleOptions {
  readonly tries: number;
  readonly windowMs: number;
  /** Keys remembered at most; beyond that the oldest window is forgotten. */
  readonly maxKeys: number;
}

export function createThrottle(options: ThrottleOptions): Throttle {
  const windows = new Map<string, { startedAt: number; failures: number }>();

  function current(key: string, now: number) {
    const window = windows.get(key);
    if (window && now - window.startedAt < options.windowMs) return window;
    windows.delete(key);
    return null;
  }

  return {
    isShut: (key, now) => (current(key, now)?.failures ?? 0) >= options.tries,
    failed(key, now) {
      const window = current(key, now);
      if (window) {
        window.failures += 1;
        return;
      }
      const oldest = windows.keys().next();
      if (windows.size >= options.maxKeys && !oldest.done) windows.delete(oldest.value);
      windows.set(key, { startedAt: now, failures: 1 });
    },
    succeeded: (key) => {
      windows.delete(key);
    },
  };
}
