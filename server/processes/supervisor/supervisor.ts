import { Child, type StopDeadlines } from "./child";
import type { ChildSpec } from "./child-spec";

export interface ProcessGone {
  name: string;
  pid: number;
}

export interface SupervisorOptions {
  /** One line, already prefixed with the child's name. */
  say(line: string): void;
  /** A child's process ended, for whatever reason: what it owned may be taken over at once. */
  onProcessGone(gone: ProcessGone): void;
  /** The running processes, after each change. */
  onChange?(running: ProcessGone[]): void;
  deadlines?: StopDeadlines;
}

const DEADLINES: StopDeadlines = { orderlyMs: 10_000, termMs: 5_000 };

/** Keeps a changing set of programs running until it is stopped. */
export class Supervisor {
  private readonly children = new Map<string, Child>();
  private waiting: { names: string[]; resolve: () => void }[] = [];
  private isStopping = false;

  constructor(private readonly options: SupervisorOptions) {}

  /** Starts a program and keeps it running. Names must be unique. */
  add(spec: ChildSpec): void {
    if (this.isStopping) return;
    if (this.children.has(spec.name))
      throw new Error(`there is a child named ${spec.name} already`);
    const child = new Child(
      spec,
      {
        say: (name, line) => this.options.say(`${name} | ${line}`),
        onReady: () => this.checkReady(),
        onSpawn: () => this.changed(),
        onGone: (name, pid) => {
          this.changed(pid);
          this.options.onProcessGone({ name, pid });
        },
      },
      this.options.deadlines ?? DEADLINES,
    );
    this.children.set(spec.name, child);
    child.start();
  }

  has(name: string): boolean {
    return this.children.has(name);
  }

  /** Lets a program finish what it does and end for good; settles when it is gone. */
  async retire(name: string): Promise<void> {
    const child = this.children.get(name);
    await child?.retire();
    this.children.delete(name);
  }

  /** Settles once all the named children are ready at the same time. */
  ready(...names: string[]): Promise<void> {
    return new Promise((resolve) => {
      this.waiting.push({ names, resolve });
      this.checkReady();
    });
  }

  /** Our processes first, all at once, then the programs they use. Nothing is started afterwards. */
  async stop(): Promise<void> {
    this.isStopping = true;
    const [ours, foreign] = [false, true].map((isForeign) =>
      [...this.children.values()].filter(({ spec }) => (spec.readyOnSpawn ?? false) === isForeign),
    );
    await Promise.all((ours ?? []).map((child) => child.stop()));
    await Promise.all((foreign ?? []).map((child) => child.stop()));
  }

  private checkReady(): void {
    this.waiting = this.waiting.filter(({ names, resolve }) => {
      if (!names.every((name) => this.children.get(name)?.isReady)) return true;
      resolve();
      return false;
    });
  }

  private changed(gonePid?: number): void {
    const running = [...this.children].flatMap(([name, { pid }]) =>
      pid === undefined || pid === gonePid ? [] : [{ name, pid }],
    );
    this.options.onChange?.(running);
  }
}
