import { idOf, parse } from "../args";
import type { Command, Io } from "../io";
import { remote } from "../remote";

interface Steering {
  /** What is steered, as the synopsis names it. */
  readonly name: string;
  readonly path: string;
  readonly method: string;
  readonly done: string;
  /** What it is the id of; null: the name does as well. */
  readonly idOf: string | null;
}

const REASON_HELP = "  --reason TEXT   kept with your name in the history\n";
const JSON_HELP = "  --json          the API's answer";

/** A command that calls one method of one object of the API. */
function steer(word: string, summary: string, what: Steering): Command {
  return {
    words: [word],
    synopsis: what.name,
    summary,
    help: REASON_HELP + JSON_HELP,
    async run(args, io) {
      const { values, positionals } = parse(
        args,
        { reason: { type: "string", default: "" }, json: { type: "boolean", default: false } },
        { names: [what.name] },
      );
      const { reason, json } = values;
      const subject = positionals[0] as string;
      if (what.idOf !== null) idOf(subject, what.name, what.idOf);
      return call(io, what, subject, { reason }, json);
    },
  };
}

async function call(
  io: Io,
  { path, method, done }: Omit<Steering, "name" | "idOf">,
  subject: string,
  params: object,
  isJson: boolean,
): Promise<number> {
  const result = await remote(io).rpc(`/${path}/${encodeURIComponent(subject)}`, method, params);
  io.out(isJson ? `${JSON.stringify({ result })}\n` : `${subject} ${done}\n`);
  return 0;
}

const JSON_OPTION = { json: { type: "boolean", default: false } } as const;

function switchScheduler(word: "enable" | "disable", done: string): Command {
  return {
    words: ["schedulers", word],
    synopsis: "SCHEDULER",
    summary: `${word} a scheduler`,
    help: JSON_HELP,
    async run(args, io) {
      const { values, positionals } = parse(args, JSON_OPTION, { names: ["SCHEDULER"] });
      const what = { path: "schedulers", method: "enable", done };
      const params = { enabled: word === "enable" };
      return call(io, what, positionals[0] as string, params, values.json);
    },
  };
}

const rebuild: Command = {
  words: ["rebuild"],
  synopsis: "BUILD",
  summary: "build the same again",
  help: `BUILD is its id. Prints the address of the new request.

${JSON_HELP}`,
  async run(args, io) {
    const { values, positionals } = parse(args, JSON_OPTION, { names: ["BUILD"] });
    const [build = ""] = positionals;
    idOf(build, "BUILD", "a build");
    const server = remote(io);
    const made = await server.rpc<[number, Record<string, number>]>(
      `/builds/${build}`,
      "rebuild",
      {},
    );
    const [buildsetid, buildrequestids] = made;
    const urls = Object.values(buildrequestids).map((id) => `${server.url}/requests/${id}\n`);
    io.out(values.json ? `${JSON.stringify({ buildsetid, buildrequestids })}\n` : urls.join(""));
    return 0;
  },
};

const worker = { name: "WORKER", path: "workers", idOf: null };

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
    idOf: "a build",
    path: "builds",
    method: "stop",
    done: "is being stopped",
  }),
  rebuild,
  switchScheduler("enable", "is enabled"),
  switchScheduler("disable", "is disabled"),
  steer("cancel", "take a build request back", {
    name: "REQUEST",
    idOf: "a build request",
    path: "buildrequests",
    method: "cancel",
    done: "is cancelled",
  }),
];
