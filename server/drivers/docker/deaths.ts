/**
 * Containers of ours that end by themselves, as their engine says it: one stream of its events for each
 * engine and process, open as long as somebody waits for such a word. It is a hint and never looked for
 * again: what breaks off says no more, and whoever looks at a machine asks for it anew.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import type { InstanceHandle, OwnerTag } from "../contract";
import type { Endpoint } from "./endpoint";
import type { Engine } from "./engine";
import { keyIn, ownedBy } from "./labels";
import { Lines } from "./log-frames";

/** A machine is not made later because its engine is slow to say that it can be listened to. */
const PATIENCE_MS = 1_000;

interface Listening {
  /** By the machine's key; all of one installation. */
  readonly waiting: Map<string, () => void>;
  readonly end: AbortController;
  readonly opened: Promise<unknown>;
}

export class Deaths {
  readonly #open = new Map<Endpoint, Listening>();

  /** @returns when it is heard from here on, if it can be */
  async hear(
    endpoint: Endpoint,
    engineFor: (signal: AbortSignal) => Engine,
    { key, tag }: Pick<InstanceHandle, "key" | "tag">,
    ended: () => void,
  ): Promise<void> {
    const listening = this.#open.get(endpoint) ?? this.#listen(endpoint, engineFor, tag);
    listening.waiting.set(key, ended);
    await Promise.race([listening.opened, sleep(PATIENCE_MS, undefined, { ref: false })]);
  }

  /** Its end is no news. */
  forget(endpoint: Endpoint, key: string): void {
    const listening = this.#open.get(endpoint);
    if (!listening?.waiting.delete(key) || listening.waiting.size > 0) return;
    this.#open.delete(endpoint);
    listening.end.abort();
  }

  #listen(
    endpoint: Endpoint,
    engineFor: (signal: AbortSignal) => Engine,
    owner: OwnerTag,
  ): Listening {
    const end = new AbortController();
    const stream = engineFor(end.signal).deaths(ownedBy(owner));
    const opened = stream.catch(() => {});
    const listening = { waiting: new Map<string, () => void>(), end, opened };
    this.#open.set(endpoint, listening);
    stream
      .then((events) => each(events, (key) => this.#heard(endpoint, listening, key)))
      .catch(() => {})
      .finally(() => {
        if (this.#open.get(endpoint) === listening) this.#open.delete(endpoint);
      });
    return listening;
  }

  #heard(endpoint: Endpoint, { waiting }: Listening, key: string): void {
    const ended = waiting.get(key);
    this.forget(endpoint, key);
    ended?.();
  }
}

const eventSchema = z.object({
  Actor: z.object({ Attributes: z.record(z.string(), z.string()) }),
});

async function each(events: AsyncIterable<Buffer>, dead: (key: string) => void): Promise<void> {
  const lines = new Lines();
  for await (const chunk of events) {
    for (const line of lines.push(chunk)) {
      const { data } = eventSchema.safeParse(parsed(line));
      const key = data && keyIn(data.Actor.Attributes);
      if (key) dead(key);
    }
  }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
