/**
 * The seam between what needs a hidden value and where such values live.
 *
 * A reader is asked once, for all the names that a build's recipe mentions: each call is an entry
 * in the audit log. Values stay in the memory of the process that asked.
 */
import { inspect } from "node:util";
import type { OrgId } from "../domain/ids";

const SHOWN = "•••";

/** A hidden value. However it is printed, it is ••• ; `reveal()` is the only way to it. */
export class Secret {
  readonly #value: string;

  constructor(
    readonly name: string,
    value: string,
  ) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return SHOWN;
  }

  toJSON(): string {
    return SHOWN;
  }

  [inspect.custom](): string {
    return SHOWN;
  }
}

export interface SecretRequest {
  readonly orgId: OrgId;
  readonly names: readonly string[];
  /** Who reads, as the audit log says it: `build 17`. */
  readonly reader: string;
  /** Hears of each value before the asker gets it, so that nothing is printed unredacted. */
  readonly enrol: (hidden: { readonly name: string; readonly value: string }) => void;
}

export interface SecretReader {
  /**
   * Those of the names that are known here; what is missing is not in the answer.
   * @throws AppError secret.unreadable when a value was sealed under another key
   */
  read(request: SecretRequest): Promise<ReadonlyMap<string, Secret>>;
}
