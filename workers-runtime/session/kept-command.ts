/**
 * One command whose output outlives the connection: between the command, which says everything once,
 * and the channel of whichever connection wants to hear it.
 *
 *   apart    nobody listens; what is said is kept
 *   telling  somebody listens and is told from the beginning, as fast as the connection takes it
 *   live     whoever listens has heard all so far and hears the rest as it is said
 *
 * Only so much is kept, or what the disk takes. At that bound a command that is not live is not read
 * on, so that it waits in its own write and nothing is lost. One that is live goes on, but can be said
 * again no more: it is `gone`, and ends with its connection.
 */
import { type End, type Said, Spool, SpoolReader } from "../output/spool";
import type { CommandChannel, Update } from "../output/update";

export interface KeptOptions {
  readonly directory: string;
  readonly maxBytes: number;
  /** Ends the command, which still says its own end. */
  readonly stop: (why: string) => void;
}

/** Neighbouring texts are told as one up to here. */
const TOGETHER_BYTES = 64 * 1024;

export class KeptCommand implements CommandChannel {
  readonly #options: KeptOptions;
  readonly #spool: Spool;
  #reader: SpoolReader | null = null;
  #channel: CommandChannel | null = null;
  #isEnded = false;
  #gone: string | null = null;
  /** What the disk says, from when it takes no more. */
  #refusal: string | null = null;
  #waiting: (() => void)[] = [];
  #settleOver: () => void = () => {};
  /** Settles when the command has ended, heard or unheard. */
  readonly over: Promise<void>;

  constructor(options: KeptOptions) {
    this.#options = options;
    this.#spool = new Spool(options.directory);
    this.over = new Promise((resolve) => {
      this.#settleOver = resolve;
    });
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Why it cannot be said again; null while it can. */
  get gone(): string | null {
    return this.#gone;
  }

  /** Whoever listened before hears nothing more of it. */
  listen(channel: CommandChannel): void {
    this.#channel = channel;
    this.#reader = new SpoolReader(this.#spool);
    // Behind the answer to whoever asked for it.
    setImmediate(() => this.#tell(channel));
  }

  detach(): void {
    this.#channel = null;
    this.#reader = null;
    if (this.#gone !== null) this.stop("the connection was lost");
    this.#room();
  }

  stop(why: string): void {
    if (!this.#isEnded) this.#options.stop(why);
  }

  /** It is of no use any more, and is stopped; whoever hears it live still hears its end. */
  forget(why: string): void {
    this.#lose(why);
    this.stop(why);
  }

  // ------------------------------------------------------------------ for the command

  send(updates: readonly Update[]): void {
    this.#keep(updates);
    if (this.#isLive) this.#channel?.send(updates);
    if (this.#isLive && this.#isAtBound) this.#lose(this.#tooMuch);
  }

  complete(failure: string | null): void {
    this.#isEnded = true;
    this.#keep([{ key: "end", failure }]);
    if (this.#isLive) this.#channel?.complete(failure);
    this.#settleOver();
  }

  get isFull(): boolean {
    if (this.#isLive) return this.#channel?.isFull === true;
    return this.#isAtBound;
  }

  onRoom(resume: () => void): void {
    this.#waiting.push(resume);
    if (this.#isLive) this.#channel?.onRoom(() => this.#room());
    else this.#room();
  }

  // ------------------------------------------------------------------ within

  get #isLive(): boolean {
    return this.#channel !== null && this.#reader === null;
  }

  get #isAtBound(): boolean {
    if (this.#gone !== null) return false;
    return this.#refusal !== null || this.#spool.bytes >= this.#options.maxBytes;
  }

  get #tooMuch(): string {
    return this.#refusal ?? `it said more than the ${this.#options.maxBytes} bytes that are kept`;
  }

  #keep(said: readonly Said[]): void {
    if (this.#gone !== null) return;
    try {
      this.#spool.append(said);
    } catch (error) {
      // What was given so far is in memory and can be read.
      this.#refusal = `what it said could not be kept: ${(error as Error).message}`;
    }
  }

  /** As much as the connection takes; comes again when there is room, until all is told. */
  #tell(channel: CommandChannel): void {
    for (;;) {
      const reader = this.#reader;
      if (this.#channel !== channel || reader === null) return;
      if (channel.isFull) {
        channel.onRoom(() => setImmediate(() => this.#tell(channel)));
        return;
      }
      const { updates, end } = some(reader);
      if (updates.length > 0) channel.send(updates);
      if (end !== null) channel.complete(end.failure);
      if (updates.length === 0 || end !== null) break;
    }
    this.#reader = null;
    if (this.#isAtBound && !this.#isEnded) this.#lose(this.#tooMuch);
    this.#room();
  }

  #lose(why: string): void {
    if (this.#gone !== null) return;
    this.#gone = why;
    this.#spool.close();
    if (this.#reader === null) return;
    // Whoever is still being told cannot be told the rest.
    this.#reader = null;
    this.#channel?.complete(why);
    this.#channel = null;
  }

  #room(): void {
    if (this.isFull) {
      if (this.#isLive) this.#channel?.onRoom(() => this.#room());
      return;
    }
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resume of waiting) resume();
  }
}

/** The next things said, texts that go together as one. */
function some(reader: SpoolReader): { updates: Update[]; end: End | null } {
  const updates: Update[] = [];
  let bytes = 0;
  while (bytes < TOGETHER_BYTES) {
    const said = reader.next();
    if (said === null) break;
    if (said.key === "end") return { updates, end: said };
    const size = "text" in said ? said.text.length : 64;
    const last = updates[updates.length - 1];
    const joined = last && together(last, said);
    if (joined) updates[updates.length - 1] = joined;
    else updates.push(said);
    bytes += size;
  }
  return { updates, end: null };
}

function together(one: Update, next: Update): Update | null {
  if (!("text" in one) || !("text" in next) || one.key !== next.key) return null;
  if (one.key === "log" && next.key === "log" && one.name !== next.name) return null;
  return { ...one, text: Buffer.concat([one.text, next.text]) };
}
