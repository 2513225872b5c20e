/** From a text to its activation: what people, programs and the command line call alike. */
import type { Queryable } from "../db/pool";
import type { OrgId } from "../domain/ids";
import { type Applied, type ApplyOptions, applyConfig, ConfigInvalid } from "./apply";
import { type CheckOptions, checkConfig } from "./check";
import type { ConfigError } from "./source";

export interface Activated extends Omit<Applied, "warnings"> {
  readonly warnings: readonly ConfigError[];
}

/** The text is wrong; each error has its place. Thrown, so that the transaction leaves nothing. */
export class ConfigRefused extends Error {
  override readonly name = "ConfigRefused";
  constructor(readonly errors: readonly ConfigError[]) {
    super("the configuration is not valid");
  }
}

/** @throws ConfigRefused; ConfigStale */
export async function activateText(
  tx: Queryable,
  orgId: OrgId,
  text: string,
  options: ApplyOptions & CheckOptions,
): Promise<Activated> {
  const { documents, errors, locate } = checkConfig(text, options);
  if (!documents) throw new ConfigRefused(errors);
  try {
    const applied = await applyConfig(tx, orgId, documents, options);
    return { ...applied, warnings: locate(applied.warnings) };
  } catch (error) {
    if (error instanceof ConfigInvalid) throw new ConfigRefused(locate(error.problems));
    throw error;
  }
}
