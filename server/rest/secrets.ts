/**
 * `/{org}/api/v2/secrets`: a resource of our own. GET lists names and what refers to them, PUT sets
 * `{"value": "…"}`, DELETE removes. A value goes in and never comes out.
 */
import { z } from "zod";
import { secretOverview } from "../api/secrets/overview";
import { AppError } from "../domain/errors";
import { secretName, secretValue, secretWarning } from "../secrets/schema";
import { sealingKey } from "../secrets/seal";
import { removeSecret, type SetOutcome, setSecret } from "../secrets/store";
import type { Admission } from "./access";
import { parseParams } from "./params";

/** Names hold slashes; a path may give them as they are or quoted. */
export function secretInPath(path: readonly string[]): string | null {
  return path[0] === "secrets" ? path.slice(1).join("/") : null;
}

export async function readSecrets(admission: Admission, name: string) {
  const { secrets, missing } = await admission.within((tx, asker) => {
    asker.mustBeAbleTo("secrets");
    return secretOverview(tx, admission.orgId);
  });
  const rows = secrets
    .filter((secret) => name === "" || secret.name === name)
    .map((secret) => ({
      name: secret.name,
      updated_at: Math.floor(secret.updatedAt.getTime() / 1000),
      updated_by: secret.updatedBy,
      used_by: secret.usedBy,
    }));
  if (name !== "" && rows.length === 0) throw notFound();
  return {
    secrets: rows,
    meta: { total: rows.length },
    ...(name === ""
      ? { missing: missing.map((one) => ({ name: one.name, used_by: one.usedBy })) }
      : {}),
  };
}

const body = z.strictObject({ value: secretValue });

export async function putSecret(
  secretKey: string,
  admission: Admission,
  name: string,
  input: unknown,
): Promise<{ name: string; outcome: SetOutcome; warning: string | null }> {
  const outcome = await admission.within((tx, asker) => {
    asker.mustBeAbleTo("secrets");
    const wanted = { name: parseParams(secretName, name), ...parseParams(body, input) };
    const author = { orgId: admission.orgId, actor: asker.actor };
    return setSecret(tx, sealingKey(secretKey), author, wanted);
  });
  return { name, outcome, warning: secretWarning((input as { value: string }).value) };
}

export async function deleteSecret(admission: Admission, name: string): Promise<{ name: string }> {
  const isGone = await admission.within((tx, asker) => {
    asker.mustBeAbleTo("secrets");
    return removeSecret(tx, { orgId: admission.orgId, actor: asker.actor }, name);
  });
  if (!isGone) throw notFound();
  return { name };
}

function notFound(): AppError {
  return new AppError("request.not-found", { what: "secret" });
}
