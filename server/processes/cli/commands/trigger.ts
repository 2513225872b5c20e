import { randomUUID } from "node:crypto";
import { isResult, RESULTS, resultName } from "../../../domain/builds";
import { parse } from "../args";
import { follow } from "../follow-logs";
import { type Command, CommandError, EXIT, type Io, UsageError } from "../io";
import { type Remote, remote } from "../remote";

/** How long to wait for a build to be made before its request is shown in its stead. */
const PATIENCE_MS = 5_000;
const POLL_MS = 250;
/** How long a server may be away while a build is waited for. */
const MAX_AWAY_MS = 120_000;

export const trigger: Command = {
  words: ["trigger"],
  synopsis: "BUILDER",
  summary: "start a build",
  help: `Prints the build's URL, or its request's while it waits for a worker.

  --branch B         --revision R    --repository URL
  --property K=V     may be given several times
  --reason TEXT      --priority N
  --scheduler NAME   by this force scheduler: --property then fills in its fields, by their full names
  --wait             until it is done; the exit status is the result: 0 SUCCESS, 1 WARNINGS, 2 FAILURE,
                     3 SKIPPED, 4 EXCEPTION, 5 RETRY, 6 CANCELLED; a server that restarts is waited for
  --logs             with --wait: print what the steps print
  --json             one object at the end, for a program`,
  async run(args, io) {
    const { values, positionals } = parse(
      args,
      {
        branch: { type: "string" },
        revision: { type: "string" },
        repository: { type: "string" },
        property: { type: "string", multiple: true, short: "p" },
        reason: { type: "string" },
        priority: { type: "string" },
        scheduler: { type: "string" },
        wait: { type: "boolean", default: false },
        logs: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
      },
      { names: ["BUILDER"] },
    );
    if (values.logs && !values.wait) throw new UsageError("--logs needs --wait");
    if (values.logs && values.json) throw new UsageError("--logs and --json exclude each other");
    if (values.priority !== undefined && !/^-?\d{1,6}$/.test(values.priority)) {
      throw new UsageError("--priority takes a whole number");
    }
    const server = remote(io);
    const builder = positionals[0] as string;
    const { branch, revision, repository, reason } = values;
    const priority = values.priority === undefined ? undefined : Number(values.priority);
    // What is undefined is not sent.
    const order = { branch, revision, repository, reason, priority, idempotency_key: randomUUID() };
    const properties = Object.fromEntries((values.property ?? []).map(property));
    const made =
      values.scheduler === undefined
        ? await forceBuilder(server, builder, { ...order, properties })
        : await forceForm(server, values.scheduler, {
            ...properties,
            ...order,
            builderid: builder,
          });
    const requestId = Object.values(made.buildrequestids)[0];
    if (requestId === undefined) throw new CommandError("the server made no request");
    const build = await firstBuild(server, io, requestId);
    const url = build
      ? `${server.url}/builds/${build.buildid}`
      : `${server.url}/requests/${requestId}`;
    if (!values.json) io.out(`${url}\n`);
    const outcome = values.wait ? await wait(server, io, requestId, values.logs) : null;
    if (values.json) {
      const ids = { buildsetid: made.buildsetid, buildrequestid: requestId };
      const buildid = outcome?.buildid ?? build?.buildid ?? null;
      io.out(`${JSON.stringify({ url, ...ids, buildid, results: outcome?.results ?? null })}\n`);
    }
    return outcome?.results ?? 0;
  },
};

interface Made {
  readonly buildsetid: number;
  readonly buildrequestids: Record<string, number>;
}

const forceBuilder = (server: Remote, builder: string, params: object): Promise<Made> =>
  server.rpc<Made>(`/builders/${encodeURIComponent(builder)}`, "force", params);

async function forceForm(server: Remote, scheduler: string, params: object): Promise<Made> {
  const path = `/forceschedulers/${encodeURIComponent(scheduler)}`;
  const [buildsetid, buildrequestids] = await server.rpc<[number, Record<string, number>]>(
    path,
    "force",
    params,
  );
  return { buildsetid, buildrequestids };
}

function property(text: string): [string, string] {
  const cut = text.indexOf("=");
  if (cut < 1) throw new UsageError(`--property takes name=value, not "${text}"`);
  return [text.slice(0, cut), text.slice(cut + 1)];
}

interface Build {
  readonly buildid: number;
  readonly complete: boolean;
}

async function builds(server: Remote, requestId: number): Promise<Build[]> {
  const query = `buildrequestid=${requestId}&order=buildid&field=buildid&field=complete`;
  return (await server.get<{ builds: Build[] }>(`/builds?${query}`)).builds;
}

/** Null as well for a token that may start builds and not read them. */
async function firstBuild(server: Remote, io: Io, requestId: number): Promise<Build | null> {
  for (let waited = 0; waited < PATIENCE_MS; waited += POLL_MS) {
    const [first] = await builds(server, requestId).catch(() => [null]);
    if (first === null) return null;
    if (first) return first;
    await io.sleep(POLL_MS);
  }
  return null;
}

async function wait(
  server: Remote,
  io: Io,
  requestId: number,
  withLogs: boolean,
): Promise<{ results: number; buildid: number | null }> {
  const printed = follow(server, io);
  for (let awaySince: number | null = null; ; await io.sleep(POLL_MS)) {
    try {
      const outcome = await look(server, io, requestId, withLogs ? printed : null);
      if (outcome) return outcome;
      awaySince = null;
    } catch (error) {
      // A server that is being restarted goes on with the build; so do we.
      if (!(error instanceof CommandError) || error.status !== EXIT.unavailable) throw error;
      if (awaySince === null) io.err(`waiting: ${error.message}\n`);
      awaySince ??= Date.now();
      if (Date.now() - awaySince > MAX_AWAY_MS) throw error;
    }
  }
}

/** Null: it is not done yet. Told of as done after its logs were read, so their last lines are out. */
async function look(
  server: Remote,
  io: Io,
  requestId: number,
  printed: ReturnType<typeof follow> | null,
): Promise<{ results: number; buildid: number | null } | null> {
  const { buildrequests } = await server.get<{
    buildrequests: { complete: boolean; results: number }[];
  }>(`/buildrequests/${requestId}`);
  const [request] = buildrequests;
  const made = await builds(server, requestId);
  for (const build of made) await printed?.show(build.buildid);
  if (!request?.complete) return null;
  const { results } = request;
  io.err(`${isResult(results) ? resultName(results) : results}\n`);
  return {
    results: isResult(results) ? results : RESULTS.EXCEPTION,
    buildid: made.at(-1)?.buildid ?? null,
  };
}
