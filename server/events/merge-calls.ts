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
