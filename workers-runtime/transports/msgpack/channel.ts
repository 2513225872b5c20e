/** One command's way back to the master: its updates and its end (protocol §3.4, §4.2). */
import { Float, Text, type Value, writeLines } from "../../../server/protocols/msgpack/codec";
import type { CommandChannel, Update } from "../../output/update";
import type { Link } from "./link";

const MAX_FAILURE_LENGTH = 8_000;

/** Answers to updates are not waited for; what bounds the output is the socket (`isFull`). */
export function commandChannel(link: Link, id: string): CommandChannel {
  return {
    send: (updates) => link.tell("update", { command_id: id, args: updates.map(pairOf) }),
    complete(problem) {
      const args = problem === null ? null : problem.slice(0, MAX_FAILURE_LENGTH);
      link.tell("complete", { command_id: id, args });
    },
    get isFull() {
      return link.isFull;
    },
    onRoom: (resume) => link.onRoom(resume),
  };
}

function pairOf(update: Update): Value {
  switch (update.key) {
    case "log":
      return ["log", [update.name, linesOf(update.text)]];
    case "elapsed":
      return ["elapsed", new Float(update.value)];
    case "rc":
    case "failure_reason":
      return [update.key, update.value];
    case "files":
    case "stat":
      return [update.key, [...update.value]];
    default:
      return [update.key, linesOf(update.text)];
  }
}

const LF = 0x0a;

/** Whole lines with the places of their ends in code points; they are as old as this moment. */
function linesOf(text: Uint8Array): Value {
  const newlines: number[] = [];
  let continuations = 0;
  for (let index = 0; index < text.length; index++) {
    const byte = text[index] as number;
    if (byte === LF) newlines.push(index - continuations);
    else if ((byte & 0xc0) === 0x80) continuations++;
  }
  const now = Date.now() / 1000;
  return writeLines(new Text(text), newlines, Array(newlines.length).fill(now));
}
