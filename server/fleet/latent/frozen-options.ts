/**
 * The options of a driver as a build has them (W-120): rendered once, when the machine is asked for, with
 * the properties of that build; secrets stay references, read when the driver is opened. What came from
 * a property is never read as a template again, so that nobody asks for a secret by way of a property.
 */
import { createHash, randomBytes } from "node:crypto";
import { COMMON_OPTIONS } from "../../domain/latent";
import {
  isRenderable,
  isTemplate,
  type JsonValue,
  RenderError,
  renderTree,
  type Scope,
  secretsIn,
} from "../../domain/properties";

export interface FrozenOptions {
  /** All options of the worker, those of its driver rendered. */
  readonly config: JsonValue;
  /** Of those of its driver: same hash, same machine. */
  readonly hash: Buffer;
}

type Options = Readonly<Record<string, JsonValue>>;

/** @throws RenderError when they cannot be rendered for this build */
export function freezeOptions(
  config: unknown,
  scope: Pick<Scope, "properties" | "sourceStamps">,
): FrozenOptions {
  const { common, own } = parted(config as Options);
  const nonce = randomBytes(12).toString("hex");
  const secrets = new Map(secretsIn(own).map((name) => [name, `<${nonce} ${name}>`]));
  const rendered = thawed(renderTree(own, { ...scope, secrets }), nonce);
  return { config: { ...common, ...(rendered as Options) }, hash: hashOf(rendered) };
}

function parted(config: Options): { common: Options; own: Record<string, JsonValue> } {
  const isCommon = (name: string) => COMMON_OPTIONS.some((one) => one === name);
  const entries = Object.entries(config);
  return {
    common: Object.fromEntries(entries.filter(([name]) => isCommon(name))),
    own: Object.fromEntries(entries.filter(([name]) => !isCommon(name))),
  };
}

/** References to secrets are such again, and all else stays what it is when they are read. */
function thawed(value: JsonValue, nonce: string): JsonValue {
  if (typeof value === "string") return thawedText(value, nonce);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => thawed(item, nonce));
  if (isRenderable(value)) throw new RenderError("a property must not hold a renderable here");
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, thawed(item, nonce)]));
}

function thawedText(text: string, nonce: string): string {
  const parts = text.split(new RegExp(`<${nonce} ([^>]*)>`));
  if (parts.length === 1 && !isTemplate(text)) return text;
  return parts
    .map((part, index) => (index % 2 === 1 ? `%(secret:${part})s` : part.replaceAll("%", "%%")))
    .join("");
}

function hashOf(value: JsonValue): Buffer {
  const sorted = JSON.stringify(value, (_, item: unknown) =>
    typeof item === "object" && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  );
  return createHash("sha256").update(sorted).digest();
}
