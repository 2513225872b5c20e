import { readFile } from "node:fs/promises";
import {
  type Activated,
  activateText,
  type ConfigError,
  ConfigRefused,
  checkConfig,
  exportConfig,
  revisionOf,
  sealingKey,
} from "../../../config";
import { AppError } from "../../../domain/errors";
import { parse } from "../args";
import { listErrors, listWarnings } from "../findings";
import { type Command, CommandError, EXIT, type Io } from "../io";
import { AUTHOR, withLocal } from "../local";
import { remote, sentence } from "../remote";

const FILE = { names: ["FILE"] };
const TOO_LARGE = 413;

export const configCheck: Command = {
  words: ["config", "check"],
  synopsis: "FILE",
  summary: "look for mistakes in a configuration, without a server",
  help: `Lists every mistake with its line and column; exit status 65 when there are any.
FILE may be - for standard input.

  --json   as {"errors": [{path, line, column, message}]}`,
  async run(args, io) {
    const { values, positionals } = parse(args, { json: { type: "boolean" } }, FILE);
    const file = positionals[0] as string;
    const { errors } = checkConfig(await read(file, io));
    if (values.json) io.out(`${JSON.stringify({ errors })}\n`);
    else if (errors.length > 0) io.err(listErrors(file, errors));
    else io.out(`${file}: no mistakes found\n`);
    return errors.length > 0 ? EXIT.data : 0;
  },
};

export const configApply: Command = {
  words: ["config", "apply"],
  synopsis: "FILE",
  summary: "activate the documents of a file as new versions",
  help: `Replaces the documents that FILE holds and touches no other. A file from "config export" says which
revision it started from; it is refused when one of its documents has moved on since.

  --prune     remove projects that FILE does not mention
  --force     although a document has moved on
  --comment   why, in your words: stands beside the versions
  --org ORG   on the server's host, without SLIPWAY_URL and SLIPWAY_TOKEN
  --json      what changed, or the errors, for a program`,
  async run(args, io) {
    const { values, positionals } = parse(
      args,
      {
        prune: { type: "boolean", default: false },
        force: { type: "boolean", default: false },
        comment: { type: "string", default: "" },
        org: { type: "string" },
        json: { type: "boolean", default: false },
      },
      FILE,
    );
    const file = positionals[0] as string;
    const text = await read(file, io);
    const { prune, force, comment } = values;
    const outcome =
      values.org === undefined
        ? await applyRemotely(io, { text, prune, force, comment })
        : await applyLocally(io, values.org, { text, prune, force, comment });
    if ("errors" in outcome) {
      if (values.json) io.out(`${JSON.stringify(outcome)}\n`);
      else io.err(listErrors(file, outcome.errors));
      return EXIT.data;
    }
    if (!values.json) io.err(listWarnings(file, outcome.warnings));
    io.out(values.json ? `${JSON.stringify(outcome)}\n` : changes(outcome));
    return 0;
  },
};

export const configExport: Command = {
  words: ["config", "export"],
  synopsis: "",
  summary: "print every document as one YAML file",
  help: `Passwords are shown as references, which "config apply" understands.

  --org ORG   on the server's host, without SLIPWAY_URL and SLIPWAY_TOKEN
  --json      as {"revision": ..., "text": ...}`,
  async run(args, io) {
    const { values } = parse(args, {
      org: { type: "string" },
      json: { type: "boolean", default: false },
    });
    const { org } = values;
    const text =
      org === undefined
        ? await remote(io).text("/config")
        : await withLocal(io, async ({ database, orgId }) =>
            exportConfig(database, await orgId(org)),
          );
    io.out(values.json ? `${JSON.stringify({ revision: revisionOf(text), text })}\n` : text);
    return 0;
  },
};

interface Wanted {
  readonly text: string;
  readonly prune: boolean;
  readonly force: boolean;
  readonly comment: string;
}

type Outcome = Activated | { readonly errors: readonly ConfigError[] };

async function applyRemotely(io: Io, wanted: Wanted): Promise<Outcome> {
  const { status, body } = await remote(io).post("/config", wanted);
  const answer = body as (Activated & { errors?: ConfigError[]; error?: unknown }) | null;
  if (status === 200 && answer) return answer;
  if (status === 422 && answer?.errors) return { errors: answer.errors };
  const code = status === TOO_LARGE ? EXIT.data : EXIT.fault;
  throw new CommandError(sentence(answer?.error) ?? `the server answered ${status}`, code);
}

async function applyLocally(io: Io, org: string, wanted: Wanted): Promise<Outcome> {
  const { text, prune, force, comment } = wanted;
  return withLocal(io, async ({ database, env, orgId, secretKey }) => {
    const id = await orgId(org);
    try {
      return await database.transaction((tx) =>
        activateText(tx, id, text, {
          author: AUTHOR,
          sealingKey: sealingKey(secretKey()),
          isHosted: env.isHosted,
          base: revisionOf(text),
          force,
          prune,
          comment,
        }),
      );
    } catch (error) {
      if (error instanceof ConfigRefused) return { errors: error.errors };
      if (error instanceof AppError) throw new CommandError(error.message);
      throw error;
    }
  });
}

async function read(file: string, io: Io): Promise<string> {
  if (file === "-") return io.stdin();
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new CommandError(`${file} cannot be read: ${(error as Error).message}`, EXIT.data);
  }
}

function changes(applied: Activated): string {
  const lines = (["added", "changed", "removed"] as const).flatMap((what) =>
    applied[what].map((thing) => `${what} ${thing}\n`),
  );
  return lines.length === 0
    ? `nothing changed, revision ${applied.revision}\n`
    : `${lines.join("")}revision ${applied.revision} is active\n`;
}
