import { isResult, resultName } from "../../../domain/builds";
import { idOf, parse } from "../args";
import { type Command, CommandError, UsageError } from "../io";
import { remote } from "../remote";
import { table } from "../table";

const JSON_OPTION = { json: { type: "boolean", default: false } } as const;

export const builds: Command = {
  words: ["builds"],
  synopsis: "",
  summary: "list the latest builds",
  help: `  --builder NAME   of this builder only
  --limit N        how many; default 20
  --running        unfinished ones only
  --json           as the API gives them`,
  async run(args, io) {
    const { values } = parse(args, {
      ...JSON_OPTION,
      builder: { type: "string" },
      limit: { type: "string", default: "20" },
      running: { type: "boolean", default: false },
    });
    if (!/^\d{1,5}$/.test(values.limit)) throw new UsageError("--limit takes a whole number");
    if (values.builder === "") throw new UsageError("--builder must not be empty");
    const server = remote(io);
    // One that there is not is told as such.
    if (values.builder) await server.get(`/builders/${encodeURIComponent(values.builder)}`);
    const under = values.builder ? `/builders/${encodeURIComponent(values.builder)}` : "";
    const query = `order=-buildid&limit=${values.limit}${values.running ? "&complete=false" : ""}`;
    const { builds: rows } = await server.get<{ builds: Build[] }>(`${under}/builds?${query}`);
    if (values.json) {
      io.out(`${JSON.stringify(rows)}\n`);
      return 0;
    }
    const { builders } = await server.get<{ builders: { builderid: number; name: string }[] }>(
      "/builders?field=builderid&field=name&limit=100000",
    );
    const names = new Map(builders.map((builder) => [builder.builderid, builder.name]));
    io.out(
      table(
        ["ID", "BUILDER", "NUMBER", "RESULT", "STARTED", "STATE"],
        rows.map((row) => [
          row.buildid,
          names.get(row.builderid),
          row.number,
          isResult(row.results) ? resultName(row.results) : "running",
          new Date(row.started_at * 1000).toISOString(),
          row.state_string,
        ]),
      ),
    );
    return 0;
  },
};

interface Build {
  readonly buildid: number;
  readonly builderid: number;
  readonly number: number;
  readonly results: number | null;
  readonly started_at: number;
  readonly state_string: string;
}

interface Worker {
  readonly workerid: number;
  readonly name: string;
  readonly connected_to: readonly unknown[];
  readonly paused: boolean;
  readonly pause_reason: string | null;
  readonly graceful: boolean;
  readonly workerinfo: { readonly version?: string };
}

export const workers: Command = {
  words: ["workers"],
  synopsis: "",
  summary: "list the workers",
  help: "  --json   as the API gives them",
  async run(args, io) {
    const { values } = parse(args, JSON_OPTION);
    const { workers: rows } = await remote(io).get<{ workers: Worker[] }>("/workers?order=name");
    if (values.json) io.out(`${JSON.stringify(rows)}\n`);
    else {
      io.out(
        table(
          ["ID", "NAME", "STATE", "VERSION", "PAUSED BECAUSE"],
          rows.map((row) => [
            row.workerid,
            row.name,
            state(row),
            row.workerinfo.version,
            row.pause_reason,
          ]),
        ),
      );
    }
    return 0;
  },
};

/** In the order of what a person must know first. */
function state(worker: Worker): string {
  if (worker.paused) return "paused";
  if (worker.graceful) return "draining";
  return worker.connected_to.length > 0 ? "connected" : "disconnected";
}

export const logs: Command = {
  words: ["logs"],
  synopsis: "BUILD [STEP]",
  summary: "print the logs of a build",
  help: `BUILD is its id; STEP a name or a number, default: every step.

  --json   the logs' facts instead of their text`,
  async run(args, io) {
    const { values, positionals } = parse(args, JSON_OPTION, {
      names: ["BUILD", "STEP"],
      optional: 1,
    });
    const [build = "", step] = positionals;
    idOf(build, "BUILD", "a build");
    const server = remote(io);
    if (step === undefined) await server.get(`/builds/${build}?field=buildid`);
    const path = step === undefined ? "" : `/${encodeURIComponent(step)}`;
    const { steps } = await server.get<{ steps: { stepid: number; name: string }[] }>(
      `/builds/${build}/steps${path}`,
    );
    const found = [];
    for (const { stepid, name } of steps) {
      const answer = await server.get<{ logs: { logid: number; name: string }[] }>(
        `/steps/${stepid}/logs`,
      );
      found.push(...answer.logs.map((log) => ({ ...log, step: name })));
    }
    if (values.json) {
      io.out(`${JSON.stringify(found)}\n`);
      return 0;
    }
    if (step !== undefined && found.length === 0) throw new CommandError("the step has no logs");
    for (const log of found) {
      io.err(`--- ${log.step} / ${log.name}\n`);
      const decoder = new TextDecoder();
      for await (const part of await server.stream(`/logs/${log.logid}/raw`)) {
        io.out(decoder.decode(part, { stream: true }));
      }
    }
    return 0;
  },
};
