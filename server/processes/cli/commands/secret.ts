import { secretName, secretValue, secretWarning } from "../../../secrets/schema";
import { sealingKey } from "../../../secrets/seal";
import { listSecrets, removeSecret, type SetOutcome, setSecret } from "../../../secrets/store";
import { parse } from "../args";
import { type Command, CommandError, EXIT, type Io, UsageError } from "../io";
import { AUTHOR, withLocal } from "../local";
import { remote } from "../remote";
import { table } from "../table";

const WHERE = { org: { type: "string" }, json: { type: "boolean", default: false } } as const;
const WHERE_HELP = `  --org ORG   on the server's host, without SLIPWAY_URL and SLIPWAY_TOKEN
  --json      for a program`;

interface Answer {
  readonly outcome: SetOutcome;
  readonly warning: string | null;
}

const DONE = { added: "is set", changed: "is replaced", same: "had that value already" };

export const secretSet: Command = {
  words: ["secret", "set"],
  synopsis: "NAME",
  summary: "set a secret, or replace its value",
  help: `The value is read from standard input: all of it, less the newline at the end of a single line.
It is kept encrypted, hidden in logs, and shown to nobody again. Needs scope config.

  --value V   the value itself; other users of this host may see it while the command runs
${WHERE_HELP}`,
  async run(args, io) {
    const options = { ...WHERE, value: { type: "string" } } as const;
    const { values, positionals } = parse(args, options, { names: ["NAME"] });
    const name = checked(secretName.safeParse(positionals[0]));
    const given = values.value ?? withoutLastNewline(await io.stdin());
    const value = checked(secretValue.safeParse(given));
    const answer =
      values.org === undefined
        ? await remote(io).send<Answer>("PUT", path(name), { value })
        : await setHere(io, values.org, name, value);
    if (answer.warning) io.err(`slipway secret set: mind that ${answer.warning}\n`);
    io.out(
      values.json
        ? `${JSON.stringify({ name, ...answer })}\n`
        : `${name} ${DONE[answer.outcome]}\n`,
    );
    return 0;
  },
};

export const secretList: Command = {
  words: ["secret", "list"],
  synopsis: "",
  summary: "list the secrets, without their values",
  help: WHERE_HELP,
  async run(args, io) {
    const { values } = parse(args, WHERE);
    const { secrets, missing } =
      values.org === undefined
        ? await remote(io).get<Listed>("/secrets")
        : await listHere(io, values.org);
    if (values.json) {
      io.out(`${JSON.stringify(secrets)}\n`);
      return 0;
    }
    io.out(
      table(
        ["NAME", "SET", "BY", "USED BY"],
        secrets.map((one) => [
          one.name,
          new Date(one.updated_at * 1000).toISOString(),
          one.updated_by,
          one.used_by?.join(", ") || null,
        ]),
      ),
    );
    for (const { name, used_by } of missing ?? []) {
      io.err(`${name} is not set, and ${used_by.join(", ")} uses it\n`);
    }
    return 0;
  },
};

export const secretRemove: Command = {
  words: ["secret", "remove"],
  synopsis: "NAME",
  summary: "remove a secret",
  help: `What refers to it fails from then on. Needs scope config.

${WHERE_HELP}`,
  async run(args, io) {
    const { values, positionals } = parse(args, WHERE, { names: ["NAME"] });
    const name = positionals[0] as string;
    if (values.org === undefined) await remote(io).send("DELETE", path(name));
    else await removeHere(io, values.org, name);
    io.out(values.json ? `${JSON.stringify({ name })}\n` : `${name} is removed\n`);
    return 0;
  },
};

interface Listed {
  readonly secrets: readonly {
    readonly name: string;
    readonly updated_at: number;
    readonly updated_by: string;
    readonly used_by?: readonly string[];
  }[];
  readonly missing?: readonly { readonly name: string; readonly used_by: readonly string[] }[];
}

const path = (name: string) => `/secrets/${encodeURIComponent(name)}`;

/** `echo value | slipway secret set` means the value; a key of many lines ends with a newline. */
function withoutLastNewline(text: string): string {
  const line = text.replace(/\r?\n$/, "");
  return line.includes("\n") ? text : line;
}

/** @throws UsageError saying what is wrong with it */
function checked(parsed: ReturnType<typeof secretValue.safeParse>): string {
  if (parsed.success) return parsed.data;
  throw new UsageError(parsed.error.issues[0]?.message ?? "not valid");
}

function setHere(io: Io, org: string, name: string, value: string): Promise<Answer> {
  return withLocal(io, async ({ database, orgId, secretKey }) => {
    const author = { orgId: await orgId(org), actor: AUTHOR };
    const outcome = await database.transaction((tx) =>
      setSecret(tx, sealingKey(secretKey()), author, { name, value }),
    );
    return { outcome, warning: secretWarning(value) };
  });
}

function listHere(io: Io, org: string): Promise<Listed> {
  return withLocal(io, async ({ database, orgId }) => ({
    secrets: (await listSecrets(database, await orgId(org))).map((one) => ({
      name: one.name,
      updated_at: Math.floor(one.updatedAt.getTime() / 1000),
      updated_by: one.updatedBy,
    })),
  }));
}

function removeHere(io: Io, org: string, name: string): Promise<void> {
  return withLocal(io, async ({ database, orgId }) => {
    const author = { orgId: await orgId(org), actor: AUTHOR };
    const isGone = await database.transaction((tx) => removeSecret(tx, author, name));
    if (!isGone) throw new CommandError("secret not found", EXIT.fault);
  });
}
