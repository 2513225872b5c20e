/** Versions of the documents: listed, compared and gone back to. */
import type { Text } from "@codemirror/state";
import type { Activated } from "../../../config";
import type { ConfigVersion } from "../../../rest/config-versions";
import { parse } from "../args";
import { type Command, CommandError, UsageError } from "../io";
import { remote } from "../remote";
import { table } from "../table";

const JSON_OPTION = { json: { type: "boolean", default: false } } as const;
const DOCUMENT = "Without PROJECT: of the organisation's own document. Needs scope config.";

interface Answer {
  readonly config_versions: readonly ConfigVersion[];
}

export const configVersions: Command = {
  words: ["config", "versions"],
  synopsis: "[PROJECT]",
  summary: "list the versions of the configuration, newest first",
  help: `The newest 50, of every document or of one project. Needs scope config.

  --json   for a program`,
  async run(args, io) {
    const names = { names: ["PROJECT"], optional: 1 };
    const { values, positionals } = parse(args, JSON_OPTION, names);
    const [project = null] = positionals;
    const { config_versions } = await remote(io).get<Answer>(path("", project));
    if (project !== null && config_versions.length === 0) {
      throw new CommandError(`there is no project "${project}"`);
    }
    if (values.json) io.out(`${JSON.stringify(config_versions)}\n`);
    else {
      const rows = config_versions.map((one) => [
        one.project,
        one.number,
        new Date(one.created_at * 1000).toISOString(),
        one.author,
        one.comment ? `${one.summary} (${one.comment})` : one.summary,
      ]);
      io.out(table(["PROJECT", "VERSION", "AT", "BY", "WHAT"], rows));
    }
    return 0;
  },
};

export const configDiff: Command = {
  words: ["config", "diff"],
  synopsis: "[PROJECT] A [B]",
  summary: "show what changed between two versions of a document",
  help: `Lines of version A that are not in B begin with -, those of B with +. Without B: the version
before A, and A. ${DOCUMENT}

  --json   {"text": ..., "before": ...}: both texts, for a program`,
  async run(args, io) {
    // PROJECT may stand before them.
    const names = { names: ["A", "B", "C"], optional: 2 };
    const { values, positionals } = parse(args, JSON_OPTION, names);
    const { project, numbers } = named(positionals, 2);
    const [a, b] = numbers as [number, number | undefined];
    const [from, to] = b === undefined ? [a - 1, a] : [a, b];
    const text = async (number: number) =>
      number === 0
        ? ""
        : ((await remote(io).get<Answer>(path(`/${number}`, project))).config_versions[0]?.text ??
          "");
    const [before, after] = [await text(from), await text(to)];
    io.out(
      values.json
        ? `${JSON.stringify({ before, text: after })}\n`
        : await difference(before, after),
    );
    return 0;
  },
};

export const configRollback: Command = {
  words: ["config", "rollback"],
  synopsis: "[PROJECT] N",
  summary: "activate version N of a document again, as a new version",
  help: `Secrets are those that are stored now. ${DOCUMENT}

  --json   what changed, for a program`,
  async run(args, io) {
    // PROJECT may stand before it.
    const names = { names: ["N", "OF"], optional: 1 };
    const { values, positionals } = parse(args, JSON_OPTION, names);
    const { project, numbers } = named(positionals, 1);
    const done = await remote(io).send<Omit<Activated, "warnings">>(
      "PUT",
      path(`/${numbers[0]}/rollback`, project),
      {},
    );
    io.out(
      values.json
        ? `${JSON.stringify(done)}\n`
        : `version ${numbers[0]} is active again, as revision ${done.revision}\n`,
    );
    return 0;
  },
};

const path = (rest: string, project: string | null) =>
  `/config/versions${rest}${project === null ? "" : `?project=${encodeURIComponent(project)}`}`;

const NUMBER = /^[1-9]\d{0,8}$/;

/** `most` numbers at the end at most; a word before them is the project, even if it is a number. */
function named(words: readonly string[], most: number) {
  const isProject = words.length > most || !NUMBER.test(words[0] ?? "");
  const numbers = isProject ? words.slice(1) : words;
  const wrong = numbers.find((word) => !NUMBER.test(word));
  if (wrong !== undefined) throw new UsageError(`"${wrong}" is not the number of a version`);
  if (numbers.length === 0) throw new UsageError("the number of a version must be given");
  return { project: isProject ? (words[0] as string) : null, numbers: numbers.map(Number) };
}

/** Whole lines; each place where they differ begins with its line in both. */
async function difference(a: string, b: string): Promise<string> {
  // The editor's own comparison; loaded here, because no other command needs it.
  const { Chunk } = await import("@codemirror/merge");
  const { Text } = await import("@codemirror/state");
  const [before, after] = [a, b].map((text) => Text.of(text.split("\n"))) as [Text, Text];
  const said = Chunk.build(before, after).map(({ fromA, toA, fromB, toB }) => {
    const cut = (text: Text, from: number, to: number, mark: string) =>
      text.length > 0 && to > from
        ? text
            .sliceString(from, Math.min(to, text.length + 1) - 1)
            .split("\n")
            .map((line) => `${mark}${line}\n`)
            .join("")
        : "";
    const line = (text: Text, at: number) => text.lineAt(Math.min(at, text.length)).number;
    const place = `@@ line ${line(before, fromA)}, now ${line(after, fromB)} @@\n`;
    return `${place}${cut(before, fromA, toA, "-")}${cut(after, fromB, toB, "+")}`;
  });
  return said.length === 0 ? "the same\n" : said.join("");
}
