/**
 * `/{org}/api/v2/config`: GET gives every document as one YAML file; POST
 * `{text, base?, force?, prune?}` checks and activates, and says what changed.
 */
import { z } from "zod";
import {
  type Applied,
  applyConfig,
  type ConfigError,
  ConfigInvalid,
  checkConfig,
  exportConfig,
  revisionOf,
  sealingKey,
} from "../config";
import type { Admission } from "./access";
import { parseParams } from "./params";

const body = z.strictObject({
  text: z.string(),
  base: z.int().min(0).nullish(),
  force: z.boolean().default(false),
  prune: z.boolean().default(false),
});

/** The file is wrong; each error has its place. */
export class ConfigRefused extends Error {
  override readonly name = "ConfigRefused";
  constructor(readonly errors: readonly ConfigError[]) {
    super("the configuration is not valid");
  }
}

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
): Promise<Applied> {
  return admission.within(async (tx, asker) => {
    asker.mustBeAbleTo("config");
    const { text, base, force, prune } = parseParams(body, input);
    const { documents, errors, locate } = checkConfig(text, env);
    if (!documents) throw new ConfigRefused(errors);
    try {
      return await applyConfig(tx, admission.orgId, documents, {
        author: asker.actor,
        sealingKey: sealingKey(env.secretKey),
        isHosted: env.isHosted,
        base: base ?? revisionOf(text),
        force,
        prune,
      });
    } catch (error) {
      if (error instanceof ConfigInvalid) throw new ConfigRefused(locate(error.problems));
      throw error;
    }
  });
}
