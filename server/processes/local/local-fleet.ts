/**
 * Keeps the supervisor's local workers as the configuration has them, while it changes.
 *
 * One that is gone, or is to run differently, is retired: it asks for no more builds and ends when its
 * last has. Its successor of the same name starts after that, for a name is admitted once.
 */
import type { ChildSpec, Supervisor } from "../supervisor";

export class LocalFleet {
  readonly #supervisor: Pick<Supervisor, "add" | "has" | "retire">;
  /** Name → how it runs. */
  readonly #wanted = new Map<string, string>();
  readonly #leaving = new Map<string, Promise<void>>();

  /** @param running what the supervisor was given already */
  constructor(
    supervisor: Pick<Supervisor, "add" | "has" | "retire">,
    running: readonly ChildSpec[],
  ) {
    this.#supervisor = supervisor;
    for (const spec of running) this.#wanted.set(spec.name, markOf(spec));
  }

  follow(specs: readonly ChildSpec[]): void {
    const marks = new Map(specs.map((spec) => [spec.name, markOf(spec)]));
    for (const [name, mark] of this.#wanted) if (marks.get(name) !== mark) this.#retire(name);
    for (const spec of specs) {
      if (!this.#wanted.has(spec.name)) this.#start(spec, markOf(spec));
    }
  }

  #retire(name: string): void {
    this.#wanted.delete(name);
    // One that is still waiting for its predecessor has not been started; it never will be.
    if (this.#leaving.has(name)) return;
    const left = this.#supervisor.retire(name).then(() => {
      this.#leaving.delete(name);
    });
    this.#leaving.set(name, left);
  }

  #start(spec: ChildSpec, mark: string): void {
    this.#wanted.set(spec.name, mark);
    const predecessor = this.#leaving.get(spec.name);
    if (predecessor === undefined) {
      this.#supervisor.add(spec);
      return;
    }
    void predecessor.then(() => {
      const isStillWanted = this.#wanted.get(spec.name) === mark;
      // Wanted, unwanted and wanted again while it waited: the first of its kind starts it.
      if (isStillWanted && !this.#supervisor.has(spec.name)) this.#supervisor.add(spec);
    });
  }
}

function markOf(spec: ChildSpec): string {
  return JSON.stringify(spec);
}
