/** Which options stand together in the form of a worker; the same for every driver. Pure. */
import type { OptionField } from "../../../_features/schema-form";

/** Of a form; options are in one section each. */
export interface Sections {
  /** The driver's own. */
  readonly machine: readonly OptionField[];
  /** Its own too, seldom needed. */
  readonly moreMachine: readonly OptionField[];
  /** When its machines come and go. */
  readonly life: readonly OptionField[];
  readonly moreLife: readonly OptionField[];
  /** What every worker has. */
  readonly common: readonly OptionField[];
}

/** What matters first of what every latent worker has. */
const LIFE = ["build_wait_timeout", "missing_timeout", "followStartupLogs", "price_per_hour"];
/** Beyond so many options a form begins with those that matter. */
const MOST_IN_SIGHT = 8;

export interface Shared {
  /** Names of the options that a worker of any kind has. */
  readonly common: ReadonlySet<string>;
  /** Names of those besides that a latent worker of any kind has. */
  readonly latent: ReadonlySet<string>;
}

export function sectionsOf(
  fields: readonly OptionField[],
  { common, latent }: Shared,
  isSet: (name: string) => boolean,
): Sections {
  const isLife = ({ name }: OptionField) => latent.has(name) || LIFE.includes(name);
  const own = fields.filter((field) => !common.has(field.name) && !isLife(field));
  const life = fields.filter((field) => isLife(field) && isLatent(field, common));
  const isFirst = (field: OptionField, at: number) =>
    own.length <= MOST_IN_SIGHT || field.isRequired || isSet(field.name) || at < 4;
  return {
    machine: own.filter(isFirst),
    moreMachine: own.filter((field, at) => !isFirst(field, at)),
    life: LIFE.flatMap((wanted) => life.find(({ name }) => name === wanted) ?? []),
    moreLife: life.filter(({ name }) => !LIFE.includes(name)),
    common: fields.filter((field) => common.has(field.name) && !life.includes(field)),
  };
}

/** A static worker may be missing too, and that is another thing. */
const isLatent = ({ name }: OptionField, common: ReadonlySet<string>): boolean =>
  name === "missing_timeout" || !common.has(name);
