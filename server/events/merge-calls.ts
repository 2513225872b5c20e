/**
 * A wake-up may come at any time and any number of times; what it wakes looks at the database as it
 * is then. So calls that come while the work is under way become one more run behind it.
 */

/** @param work is begun at once; what it throws goes to `onError`, the promise never rejects */
export function mergeCalls(
  work: () => Promise<void>,
  onError: (error: unknown) => void,
): () => Promise<void> {
  let running: Promise<void> | null = null;
  let isAgain = false;

  async function run(): Promise<void> {
    do {
      isAgain = false;
      try {
        await work();
      } catch (error) {
        onError(error);
      }
    } while (isAgain);
    running = null;
  }

  return () => {
    if (running) isAgain = true;
    else running = run();
    return running ?? Promise.resolve();
  };
}

/**
 * The same for many things, each by itself. Nothing is kept of one whose work is over, and what is kept
 * ends in the same moment as the work: two runs for one thing never overlap.
 */
export function mergeCallsPer<K>(
  work: (key: K) => Promise<void>,
  onError: (error: unknown, key: K) => void,
): (key: K) => Promise<void> {
  const running = new Map<K, { isAgain: boolean; done: Promise<void> }>();

  async function run(key: K, call: { isAgain: boolean }): Promise<void> {
    do {
      call.isAgain = false;
      try {
        await work(key);
      } catch (error) {
        onError(error, key);
      }
    } while (call.isAgain);
    running.delete(key);
  }

  return (key) => {
    const known = running.get(key);
    if (known) {
      known.isAgain = true;
      return known.done;
    }
    const call = { isAgain: false, done: Promise.resolve() };
    running.set(key, call);
    call.done = run(key, call);
    return call.done;
  };
}
