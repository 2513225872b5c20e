import { createToken, isTokenScope, SCOPES, type TokenScope } from "../../../auth";
import { parse } from "../args";
import { type Command, UsageError } from "../io";
import { AUTHOR, withLocal } from "../local";

const UNITS = { h: 3_600_000, d: 86_400_000, w: 604_800_000, y: 31_536_000_000 } as const;

export const tokenCreate: Command = {
  words: ["token", "create"],
  synopsis: "--org ORG --name NAME --scope SCOPE...",
  summary: "make an API token, on the server's host",
  help: `Prints the token alone on standard output; it cannot be shown again.

  --org ORG        organisation, such as main
  --name NAME      what the histories call it: "token NAME"
  --scope SCOPE    read, trigger, workers or config; trigger:GLOB for builders whose names match;
                   may be given several times
  --expires TIME   hours, days, weeks or years from now: 12h, 90d, 8w, 1y; default: never
  --json           as {"token": ..., "expires_at": ...}`,
  async run(args, io) {
    const { values } = parse(args, {
      org: { type: "string" },
      name: { type: "string" },
      scope: { type: "string", multiple: true },
      expires: { type: "string" },
      json: { type: "boolean" },
    });
    const { org, name } = values;
    if (!org || !name) throw new UsageError("--org and --name must be given");
    const scopes = (values.scope ?? []).flatMap((scope) => scope.split(",")).map(asScope);
    if (scopes.length === 0) throw new UsageError("at least one --scope must be given");
    const expiresAt = values.expires === undefined ? null : expiry(values.expires);
    return withLocal(io, async (local) => {
      const orgId = await local.orgId(org);
      const token = await createToken(local.database, orgId, {
        name,
        scopes,
        expiresAt,
        createdBy: AUTHOR,
      });
      io.out(values.json ? `${JSON.stringify({ token, expires_at: expiresAt })}\n` : `${token}\n`);
      return 0;
    });
  },
};

function asScope(text: string): TokenScope {
  if (isTokenScope(text)) return text;
  throw new UsageError(
    `"${text}" is no scope: there are ${SCOPES.join(", ")} trigger:GLOB and join:POOL`,
  );
}

function expiry(text: string): Date {
  const [, count, unit] = /^([1-9]\d{0,4})([hdwy])$/.exec(text) ?? [];
  if (!count || !unit) throw new UsageError(`--expires takes 12h, 90d, 8w or 1y, not "${text}"`);
  return new Date(Date.now() + Number(count) * UNITS[unit as keyof typeof UNITS]);
}
