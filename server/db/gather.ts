/**
 * What many ask for in one moment is asked of the database once: a thousand workers that come back
 * together cost a few statements. Calls of one turn of the event loop go together; calls that come
 * while a statement runs go together behind it.
 */

/** So many at most in one statement: nobody waits for thousands of others. */
const MOST = 250;

interface Call<Item, Answer> {
  readonly item: Item;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * @param ask answers in the order of its items; what it throws, each of its callers gets
 */
export function gather<Item, Answer>(
  ask: (items: readonly Item[]) => Promise<readonly Answer[]>,
): (item: Item) => Promise<Answer> {
  let waiting: Call<Item, Answer>[] = [];
  let isBusy = false;

  async function run(): Promise<void> {
    while (waiting.length > 0) {
      const calls = waiting.slice(0, MOST);
      waiting = waiting.slice(MOST);
      try {
        const answers = await ask(calls.map(({ item }) => item));
        calls.forEach(({ resolve }, index) => {
          resolve(answers[index] as Answer);
        });
      } catch (error) {
        for (const { reject } of calls) reject(error);
      }
    }
    isBusy = false;
  }

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (isBusy) return;
      isBusy = true;
      setImmediate(run);
    });
}
