/** What stands on everything of ours at an engine, from its first moment on. */
import { type InstanceTag, machineKeySchema, type OwnerTag } from "../contract";

const KEY = "slipway.key";
const INSTALLATION = "slipway.installation";
const NUMBERS = ["organization", "worker", "generation"] as const;

/** All that we read of anything's labels. */
export const LABELS = [KEY, INSTALLATION, ...NUMBERS.map((name) => `slipway.${name}`)];

export type Labels = Readonly<Record<string, string>>;

export function labelsOf(key: string, tag: InstanceTag): Record<string, string> {
  const numbers = NUMBERS.map((name) => [`slipway.${name}`, String(tag[name])]);
  return { [KEY]: key, [INSTALLATION]: tag.installation, ...Object.fromEntries(numbers) };
}

/** Of anything of ours, whatever else stands on it. */
export const keyIn = (labels: Labels): string | undefined => labels[KEY];

export const ownedBy = ({ installation }: OwnerTag) => [`${INSTALLATION}=${installation}`];

/** Null: it is not ours, or somebody has changed it. */
export function readLabels(labels: Labels | null): { key: string; tag: InstanceTag } | null {
  const { [KEY]: key, [INSTALLATION]: installation } = labels ?? {};
  const numbers = NUMBERS.map((name) => Number(labels?.[`slipway.${name}`] || Number.NaN));
  const [organization, worker, generation] = numbers as [number, number, number];
  if (!machineKeySchema.safeParse(key).success || installation === undefined) return null;
  if (!numbers.every(Number.isSafeInteger)) return null;
  return { key: key as string, tag: { installation, organization, worker, generation } };
}

export function isSameTag(one: InstanceTag, other: InstanceTag): boolean {
  return (
    one.installation === other.installation && NUMBERS.every((name) => one[name] === other[name])
  );
}
