/**
 * What a build knows while it runs: its properties as they are now, its source, its worker, and the
 * hidden values that its recipe refers to. Every text that leaves it for people goes through
 * `redact` first.
 */
import {
  isTruthy,
  type JsonValue,
  type Properties,
  renderTree,
  type Scope,
  secretsIn,
} from "../../domain/properties";
import { Redactor } from "../../logs";
import type { Environment, SourceStamp, WorkerView } from "../../steps/contract";

const PROPERTY_NAME = /^[\w.\-/~:]{1,256}$/;
const MAX_VALUE_CHARACTERS = 262_144;
const MAX_PROPERTIES = 2_000;

export interface KnownAtStart {
  readonly properties: Properties;
  readonly sourceStamps: readonly SourceStamp[];
  readonly worker: WorkerView;
  readonly builddir: string;
  /** What `%(worker:…)s` knows. */
  readonly workerInfo: Readonly<Record<string, JsonValue>>;
  readonly urlForBuild: string;
  /** As written. */
  readonly env: Environment;
  readonly secrets: ReadonlyMap<string, string>;
}

/** In the place of each hidden value its name stands, as it does in logs. */
const NAMES_ONLY = { get: (name: string) => `<${name}>` } as ReadonlyMap<string, string>;

export class BuildValues {
  readonly known: KnownAtStart;
  /** For the logs; null when there is nothing to hide. */
  readonly redactor: Redactor | null;
  #properties: Properties;
  #isChanged = false;

  constructor(known: KnownAtStart) {
    this.known = known;
    this.#properties = known.properties;
    this.redactor = Redactor.of([...known.secrets].map(([name, value]) => ({ name, value })));
  }

  get properties(): Properties {
    return this.#properties;
  }

  /** What is not stored yet. */
  get changed(): Properties | null {
    return this.#isChanged ? this.#properties : null;
  }

  stored(): void {
    this.#isChanged = false;
  }

  redact(text: string): string {
    return this.redactor?.redactText(text) ?? text;
  }

  /** @throws Error, saying what a property's name and value may be */
  set(name: string, value: JsonValue, source: string): void {
    if (!PROPERTY_NAME.test(name)) {
      const shown = JSON.stringify(name.slice(0, 80));
      throw new Error(`${shown} is not a property name (letters, digits and . - _ / ~ :)`);
    }
    if (JSON.stringify(value).length > MAX_VALUE_CHARACTERS) {
      throw new Error(
        `the value of property ${name} is longer than ${MAX_VALUE_CHARACTERS} characters`,
      );
    }
    if (
      !Object.hasOwn(this.#properties, name) &&
      Object.keys(this.#properties).length >= MAX_PROPERTIES
    ) {
      throw new Error(`a build has at most ${MAX_PROPERTIES} properties`);
    }
    this.#properties = {
      ...this.#properties,
      [name]: [this.#redactTree(value), this.redact(source)],
    };
    this.#isChanged = true;
  }

  /** @throws RenderError */
  render<V>(written: V): V {
    return renderTree(written as JsonValue, this.#scope(this.known.secrets)) as V;
  }

  /** With names in the place of hidden values; the same as `render` when there are none. */
  renderShown<V>(written: V, rendered: V): V {
    if (secretsIn(written).length === 0) return rendered;
    return renderTree(written as JsonValue, this.#scope(NAMES_ONLY)) as V;
  }

  isTrue(written: JsonValue): boolean {
    return isTruthy(this.render(written));
  }

  #scope(secrets: ReadonlyMap<string, string>): Scope {
    const { sourceStamps, workerInfo, urlForBuild } = this.known;
    return { properties: this.#properties, sourceStamps, worker: workerInfo, secrets, urlForBuild };
  }

  #redactTree(value: JsonValue): JsonValue {
    if (typeof value === "string") return this.redact(value);
    if (typeof value !== "object" || value === null || this.redactor === null) return value;
    if (Array.isArray(value)) return value.map((item) => this.#redactTree(item));
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [this.redact(key), this.#redactTree(item)]),
    );
  }
}
