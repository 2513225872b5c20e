/** One command's way back to the master: its updates and its end (protocol §4.2). */
import type { Jelly } from "../../../server/protocols/pb/codec";
import { Float, failure, failureToJelly, Text, Tuple } from "../../../server/protocols/pb/codec";
import type { CommandChannel, Update } from "../../output/update";
import type { Broker } from "./broker";

/**
 * Answers to updates are not waited for; what bounds the output is the socket (`isFull`). `remotes` are
 * the master's objects that came with the command, let go of once it has ended.
 */
export function commandChannel(
  broker: Broker,
  object: number,
  remotes: readonly number[],
): CommandChannel {
  return {
    send(updates) {
      // Real peers send one pair at a time, and real masters read no other.
      for (const update of updates) {
        broker.tell(object, "update", [[{ [update.key]: jellyOf(update) }, 0]]);
      }
    },
    complete(problem) {
      const outcome =
        problem === null
          ? null
          : failureToJelly(failure("builtins.RuntimeError", problem.slice(0, 8_000)));
      broker.tell(object, "complete", outcome);
      for (const number of remotes) broker.decref(number);
    },
    get isFull() {
      return broker.isFull;
    },
    onRoom: (resume) => broker.onRoom(resume),
  };
}

function jellyOf(update: Update): Jelly {
  switch (update.key) {
    case "log":
      return new Tuple(update.name, new Text(update.text));
    case "elapsed":
      return new Float(update.value);
    case "rc":
    case "failure_reason":
      return update.value;
    case "files":
    case "stat":
      return [...update.value];
    default:
      return new Text(update.text);
  }
}
