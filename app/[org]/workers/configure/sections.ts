/** Which options stand together in the form of a worker; the same for every driver. Pure. */
import type { OptionField } from "../../../_features/schema-form";

export interface Sections {
  /** The driver's own. */
  readonly machine: readonly OptionField[];
  /** Its own too, seldom needed. */
  readonly moreMachine: readonly OptionField[];
  /** When its machines come and go. */
  readonly life: readonly OptionField[];
  /** What every worker has. */
  readonly common: readonly OptionField[];
}

const LIFE: ReadonlySet<string> = new Set([
  "build_wait_timeout",
  "missing_timeout",
  "check_instance_interval",
  "followStartupLogs",
]);
/** Beyond so many options a form begins with those that matter. */
const MOST_IN_SIGHT = 8;

/** @param common names of the options that a worker of any kind has */
export function sectionsOf(
  fields: readonly OptionField[],
  common: ReadonlySet<string>,
  isSet: (name: string) => boolean,
): Sections {
  const own = fields.filter(({ name }) => !common.has(name) && !LIFE.has(name));
  const isFirst = (field: OptionField, at: number) =>
    own.length <= MOST_IN_SIGHT || field.isRequired || isSet(field.name) || at < 4;
  return {
    machine: own.filter(isFirst),
    moreMachine: own.filter((field, at) => !isFirst(field, at)),
    life: fields.filter(({ name }) => LIFE.has(name)),
    common: fields.filter(({ name }) => common.has(name) && !LIFE.has(name)),
  };
}
