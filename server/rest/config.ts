/**
 * `/{org}/api/v2/config`: GET gives every document as one YAML file; POST
 * `{text, base?, force?, prune?}` checks and activates, and says what changed.
 */
import { z } from "zod";
import { type Activated, activateText, exportConfig, revisionOf, sealingKey } from "../config";
import { unstorable } from "../domain/text";
import type { Admission } from "./access";
import { parseParams } from "./params";

const body = z.strictObject({
  text: z.string(),
  base: z.int().min(0).nullish(),
  force: z.boolean().default(false),
  prune: z.boolean().default(false),
  comment: z
    .string()
    .max(500)
    .refine((text) => unstorable(text) === null)
    .default(""),
});

export async function readConfigFile(admission: Admission): Promise<string> {
  return admission.within((tx, asker) => {
    asker.mustBeAbleTo("config");
    return exportConfig(tx, admission.orgId);
  });
}

export async function activate(
  env: { readonly secretKey: string; readonly isHosted: boolean },
  admission: Admission,
  input: unknown,
): Promise<Activated> {
  return admission.within(async (tx, asker) => {
    asker.mustBeAbleTo("config");
    const { text, base, force, prune, comment } = parseParams(body, input);
    return activateText(tx, admission.orgId, text, {
      author: asker.actor,
      sealingKey: sealingKey(env.secretKey),
      isHosted: env.isHosted,
      base: base ?? revisionOf(text),
      force,
      prune,
      comment,
    });
  });
}
