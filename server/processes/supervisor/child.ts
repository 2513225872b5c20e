import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { ChildSpec, FromChild, ToChild } from "./child-spec";
import { restartDelayMs, SETTLED_MS } from "./restart-delay";

export interface ChildHooks {
  /** A line of the child's own output, or about it. */
  say(name: string, line: string): void;
  onReady(name: string): void;
  /** The process has a number; called for each life. */
  onSpawn(name: string, pid: number): void;
  /** Called for each life that ended, wanted or not, before the next one begins. */
  onGone(name: string, pid: number): void;
}

/** How long a child may take to stop in order, and then after SIGTERM. */
export interface StopDeadlines {
  orderlyMs: number;
  termMs: number;
}

/**
 * One child through all its lives.
 *
 *   waiting --spawn--> starting --"ready"--> ready
 *   starting, ready --exit--> waiting (a delay that grows while it keeps dying early) --> starting
 *   any --stop--> stopping --exit--> stopped
 *
 * Stopping asks over the channel, then sends SIGTERM, then SIGKILL, each after a deadline. Retiring asks
 * by the program's own signal and has none: whoever cannot wait stops it.
 */
export class Child {
  private process: ChildProcess | null = null;
  private timer: NodeJS.Timeout | null = null;
  private isStopping = false;
  private quickDeaths = 0;
  private whenIdle: (() => void)[] = [];
  isReady = false;

  constructor(
    readonly spec: ChildSpec,
    private readonly hooks: ChildHooks,
    private readonly deadlines: StopDeadlines,
  ) {}

  get pid(): number | undefined {
    return this.process?.pid;
  }

  start(): void {
    this.timer = null;
    const { spec, hooks } = this;
    const startedAt = performance.now();
    const child = spawn(spec.command, spec.args, {
      env: spec.env,
      cwd: spec.cwd,
      uid: spec.uid,
      gid: spec.gid,
      // Foreign programs get a group of their own, so that what they started can be ended with them.
      detached: spec.readyOnSpawn ?? false,
      stdio: ["ignore", "pipe", "pipe", ...(spec.readyOnSpawn ? [] : (["ipc"] as const))],
    });
    this.process = child;
    for (const stream of [child.stdout, child.stderr]) {
      if (stream)
        createInterface({ input: stream }).on("line", (line) => hooks.say(spec.name, line));
    }
    child.on("spawn", () => {
      hooks.onSpawn(spec.name, child.pid as number);
      if (spec.readyOnSpawn) this.becomeReady();
    });
    child.on("message", (message: FromChild) => {
      if (message?.type === "ready") this.becomeReady();
    });
    // A program that cannot be started reports an error and never exits.
    child.on("error", (error) => {
      if (child.pid !== undefined) return;
      hooks.say(spec.name, error.message);
      this.ended(startedAt, "could not be started");
    });
    child.on("exit", (code, signal) => {
      hooks.onGone(spec.name, child.pid as number);
      this.ended(startedAt, signal ? `was ended by ${signal}` : `ended with status ${code}`);
    });
  }

  stop(): Promise<void> {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    this.isStopping = true;
    const child = this.process;
    if (child === null) return Promise.resolve();
    return new Promise((resolve) => {
      const { termMs } = this.deadlines;
      const orderlyMs = this.deadlines.orderlyMs + (this.spec.orderlyMs ?? 0);
      const asked = this.spec.readyOnSpawn !== true && this.ask(child);
      const orderly = setTimeout(() => this.signal("SIGTERM"), asked ? orderlyMs : 0);
      const last = setTimeout(() => this.signal("SIGKILL"), (asked ? orderlyMs : 0) + termMs);
      this.whenIdle.push(() => {
        clearTimeout(orderly);
        clearTimeout(last);
        resolve();
      });
    });
  }

  /** Settles when it has ended by itself, or was stopped meanwhile. */
  retire(): Promise<void> {
    const { retireSignal } = this.spec;
    if (retireSignal === undefined || this.process?.pid === undefined) return this.stop();
    this.isStopping = true;
    // The program alone: what it has started is what it is to finish.
    this.process.kill(retireSignal);
    return new Promise((resolve) => this.whenIdle.push(resolve));
  }

  private ask(child: ChildProcess): boolean {
    const message: ToChild = { type: "stop" };
    return child.connected && child.send(message, () => {}) !== undefined;
  }

  private signal(signal: NodeJS.Signals): void {
    const pid = this.process?.pid;
    if (pid === undefined) return;
    try {
      process.kill(this.spec.readyOnSpawn ? -pid : pid, signal);
    } catch {
      // It ended in this very moment; its exit is on the way.
    }
  }

  private becomeReady(): void {
    if (this.isReady || this.isStopping) return;
    this.isReady = true;
    this.hooks.onReady(this.spec.name);
  }

  private ended(startedAt: number, how: string): void {
    // What is ready as soon as it is there has proved nothing by it.
    const wasReady = this.isReady && this.spec.readyOnSpawn !== true;
    this.process = null;
    this.isReady = false;
    if (this.isStopping) {
      for (const idle of this.whenIdle.splice(0)) idle();
      return;
    }
    const wasQuick = performance.now() - startedAt < SETTLED_MS;
    this.quickDeaths = wasQuick ? this.quickDeaths + 1 : 1;
    const delayMs = restartDelayMs(this.quickDeaths, wasReady);
    const when = delayMs === 0 ? "at once" : `in ${delayMs / 1_000} s`;
    this.hooks.say(this.spec.name, `(${how}; starting it again ${when})`);
    this.timer = setTimeout(() => this.start(), delayMs);
  }
}
