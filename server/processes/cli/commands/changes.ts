import { parse } from "../args";
import { type Command, UsageError } from "../io";
import { remote } from "../remote";
import { table } from "../table";

interface Change {
  readonly changeid: number;
  readonly when_timestamp: number;
  readonly author: string;
  readonly branch: string | null;
  readonly revision: string | null;
  readonly project: string;
  readonly comments: string;
}

const REVISION_CHARACTERS = 12;
const COMMENT_CHARACTERS = 60;

export const changes: Command = {
  words: ["changes"],
  synopsis: "",
  summary: "list the latest changes",
  help: `  --branch B   of this branch only
  --limit N    how many; default 20
  --json       as the API gives them`,
  async run(args, io) {
    const { values } = parse(args, {
      json: { type: "boolean", default: false },
      branch: { type: "string" },
      limit: { type: "string", default: "20" },
    });
    if (!/^\d{1,5}$/.test(values.limit)) throw new UsageError("--limit takes a whole number");
    const branch =
      values.branch === undefined ? "" : `&branch=${encodeURIComponent(values.branch)}`;
    const { changes: rows } = await remote(io).get<{ changes: Change[] }>(
      `/changes?order=-changeid&limit=${values.limit}${branch}`,
    );
    io.out(values.json ? `${JSON.stringify(rows)}\n` : listed(rows));
    return 0;
  },
};

function listed(rows: readonly Change[]): string {
  return table(
    ["ID", "WHEN", "PROJECT", "BRANCH", "REVISION", "AUTHOR", "COMMENTS"],
    rows.map((row) => [
      row.changeid,
      new Date(row.when_timestamp * 1000).toISOString(),
      row.project || null,
      row.branch,
      row.revision?.slice(0, REVISION_CHARACTERS),
      row.author,
      row.comments.split("\n", 1)[0]?.slice(0, COMMENT_CHARACTERS),
    ]),
  );
}

export const schedulers: Command = {
  words: ["schedulers"],
  synopsis: "",
  summary: "list the schedulers",
  help: "  --json   as the API gives them",
  async run(args, io) {
    const { values } = parse(args, { json: { type: "boolean", default: false } });
    const { schedulers: rows } = await remote(io).get<{
      schedulers: { schedulerid: number; name: string; enabled: boolean }[];
    }>("/schedulers?order=name");
    const lines = rows.map((row) => [
      row.schedulerid,
      row.name,
      row.enabled ? "enabled" : "disabled",
    ]);
    io.out(values.json ? `${JSON.stringify(rows)}\n` : table(["ID", "NAME", "STATE"], lines));
    return 0;
  },
};
