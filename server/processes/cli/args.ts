import { type ParseArgsConfig, parseArgs } from "node:util";
import { UsageError } from "./io";

type Options = NonNullable<ParseArgsConfig["options"]>;

/** @throws UsageError with parseArgs' own sentence, or when positionals are too few or too many */
export function parse<O extends Options>(
  args: readonly string[],
  options: O,
  positionals: { readonly names: readonly string[]; readonly optional?: number } = { names: [] },
) {
  const { names, optional = 0 } = positionals;
  const parsed = attempt(() =>
    parseArgs({ args: [...args], options, allowPositionals: true, strict: true }),
  );
  const missing = names.slice(parsed.positionals.length, names.length - optional);
  if (missing.length > 0) throw new UsageError(`${missing.join(" and ")} must be given`);
  const extra = parsed.positionals[names.length];
  if (extra !== undefined) throw new UsageError(`unexpected argument "${extra}"`);
  return parsed;
}

function attempt<T>(parsing: () => T): T {
  try {
    return parsing();
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
