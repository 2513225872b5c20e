import { parse } from "../args";
import type { Command } from "../io";
import { remote } from "../remote";

/** A command that calls one method of one object of the API. */
function steer(
  word: string,
  summary: string,
  what: {
    readonly name: string;
    readonly path: string;
    readonly method: string;
    readonly done: string;
  },
): Command {
  return {
    words: [word],
    synopsis: what.name,
    summary,
    help: `  --reason TEXT   kept with your name in the history
  --json          the API's answer`,
    async run(args, io) {
      const { values, positionals } = parse(
        args,
        { reason: { type: "string", default: "" }, json: { type: "boolean", default: false } },
        { names: [what.name] },
      );
      const subject = positionals[0] as string;
      const path = `/${what.path}/${encodeURIComponent(subject)}`;
      const result = await remote(io).rpc(path, what.method, { reason: values.reason });
      io.out(values.json ? `${JSON.stringify({ result })}\n` : `${subject} ${what.done}\n`);
      return 0;
    },
  };
}

const worker = { name: "WORKER", path: "workers" };

export const steering: readonly Command[] = [
  steer("pause", "give a worker no new builds", { ...worker, method: "pause", done: "is paused" }),
  steer("unpause", "give it builds again", { ...worker, method: "unpause", done: "is not paused" }),
  steer("drain", "let a worker finish its builds and exit", {
    ...worker,
    method: "stop",
    done: "exits when its builds are done",
  }),
  steer("stop", "stop a build", {
    name: "BUILD",
    path: "builds",
    method: "stop",
    done: "is being stopped",
  }),
  steer("cancel", "take a build request back", {
    name: "REQUEST",
    path: "buildrequests",
    method: "cancel",
    done: "is cancelled",
  }),
];
