import { parse } from "../args";
import { type Command, UsageError } from "../io";
import { remote } from "../remote";

interface Made {
  readonly name: string;
  readonly login: string;
  readonly password: string;
  readonly host: string;
  readonly pb_port: number | null;
  readonly msgpack_port: number | null;
  readonly tls: boolean;
}

export const workerCreate: Command = {
  words: ["worker", "create"],
  synopsis: "NAME",
  summary: "add a worker, and print the line that sets it up",
  help: `Writes it into the organisation's configuration with a password that is shown this once. Builders name
it in workernames. The line is for the machine that shall build; then: buildbot-worker start NAME.
Needs scope config.

  --max-builds N   how many builds at once; default: as many as its builders ask for
  --json           name, login, password, host and ports for a program`,
  async run(args, io) {
    const options = {
      "max-builds": { type: "string" },
      json: { type: "boolean", default: false },
    } as const;
    const { values, positionals } = parse(args, options, { names: ["NAME"] });
    const max = values["max-builds"];
    if (max !== undefined && !/^[1-9]\d{0,3}$/.test(max)) {
      throw new UsageError("--max-builds takes a whole number");
    }
    const name = positionals[0] as string;
    const body = max === undefined ? {} : { max_builds: Number(max) };
    const made = await remote(io).send<Made>("PUT", `/workers/${encodeURIComponent(name)}`, body);
    io.out(values.json ? `${JSON.stringify(made)}\n` : `${createLine(made)}\n`);
    return 0;
  },
};

/** For a machine whose certificates are those of its system; the page of the worker knows more ways. */
function createLine({ login, password, host, pb_port, msgpack_port, tls }: Made): string {
  const options = [
    ...(pb_port === null ? ["--protocol=msgpack_experimental_v7"] : []),
    ...(tls ? ["--use-tls"] : []),
  ];
  const address = `${host.includes(":") ? `[${host}]` : host}:${pb_port ?? msgpack_port}`;
  const folder = login.replaceAll("/", "-");
  return ["buildbot-worker create-worker", ...options, folder, address, login, password].join(" ");
}
