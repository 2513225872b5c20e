// Guarantee: whoever listens to a kept command hears all of it from its beginning and once, at the pace of
// their connection; what cannot be said again is never said in part.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as soon } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CommandChannel, Update } from "../../../../workers-runtime/output/update";
import { KeptCommand } from "../../../../workers-runtime/session/kept-command";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "slipway-kept-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** A connection that takes what it is told to take. */
class Listener implements CommandChannel {
  heard = "";
  end: string | null | undefined;
  isFull = false;
  #waiting: (() => void)[] = [];

  send(updates: readonly Update[]): void {
    for (const update of updates) {
      if ("text" in update) this.heard += Buffer.from(update.text).toString();
    }
  }

  complete(failure: string | null): void {
    this.end = failure;
  }

  onRoom(resume: () => void): void {
    this.#waiting.push(resume);
  }

  room(): void {
    this.isFull = false;
    for (const resume of this.#waiting.splice(0)) resume();
  }
}

function kept({ maxBytes = 1_000_000, at = directory } = {}) {
  const stops: string[] = [];
  const command = new KeptCommand({ directory: at, maxBytes, stop: (why) => void stops.push(why) });
  const say = (text: string) => command.send([{ key: "stdout", text: Buffer.from(text) }]);
  return { command, say, stops };
}

/** Until what was set going has come to rest. */
async function rest(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await soon();
}

describe("a kept command", () => {
  it("is heard from its beginning by each who listens", async () => {
    const { command, say } = kept();
    const [first, second, third] = [new Listener(), new Listener(), new Listener()];
    command.listen(first);
    say("a");
    await rest();
    say("b");
    expect(first.heard).toBe("ab");
    command.detach();
    say("c");
    command.listen(second);
    say("d");
    await rest();
    say("e");
    command.complete(null);
    expect(second).toMatchObject({ heard: "abcde", end: null });
    expect(first).toMatchObject({ heard: "ab", end: undefined });
    command.listen(third);
    await rest();
    expect(third).toMatchObject({ heard: "abcde", end: null });
  });

  it("is told as fast as the connection takes it", async () => {
    const { command, say } = kept();
    for (let piece = 0; piece < 10; piece += 1) say("x".repeat(50_000));
    const slow = new Listener();
    slow.isFull = true;
    command.listen(slow);
    await rest();
    expect(slow.heard).toBe("");
    slow.room();
    await rest();
    expect(slow.heard.length).toBe(500_000);
  });

  it("waits at the bound while it is not heard live, and goes on without being kept once it is", async () => {
    const { command, say } = kept({ maxBytes: 1_000 });
    let resumed = 0;
    say("x".repeat(2_000));
    expect(command.isFull).toBe(true);
    command.onRoom(() => {
      resumed += 1;
    });
    expect(resumed).toBe(0);
    const listener = new Listener();
    command.listen(listener);
    await rest();
    expect(listener.heard.length).toBe(2_000);
    expect(resumed).toBe(1);
    expect(command.isFull).toBe(false);
    expect(command.gone).toContain("more than the 1000 bytes");
    say("live");
    expect(listener.heard.endsWith("live")).toBe(true);
  });

  it("is stopped when its connection goes and it cannot be said again", async () => {
    const { command, say, stops } = kept({ maxBytes: 1_000 });
    command.listen(new Listener());
    await rest();
    say("x".repeat(2_000));
    expect(command.gone).not.toBeNull();
    expect(stops).toEqual([]);
    command.detach();
    expect(stops).toEqual(["the connection was lost"]);
    expect(command.isFull).toBe(false);
  });

  it("loses nothing to a disk that takes no more", async () => {
    const { command, say } = kept({ at: join(directory, "not-there") });
    say("y".repeat(100_000));
    expect(command.isFull).toBe(true);
    const listener = new Listener();
    command.listen(listener);
    await rest();
    expect(listener.heard.length).toBe(100_000);
    expect(command.gone).toContain("could not be kept");
  });

  it("ends for whoever is still being told when it is forgotten", async () => {
    const { command, say, stops } = kept();
    say("x".repeat(200_000));
    const listener = new Listener();
    listener.isFull = true;
    command.listen(listener);
    await rest();
    command.forget("no longer wanted");
    expect(listener.end).toBe("no longer wanted");
    expect(stops).toEqual(["no longer wanted"]);
  });
});
