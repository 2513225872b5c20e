import { type ParseArgsConfig, parseArgs } from "node:util";
import { UsageError } from "./io";
import { nearest } from "./nearest";

type Options = NonNullable<ParseArgsConfig["options"]>;

/** @throws UsageError for what is unknown, empty, too little or too much */
export function parse<O extends Options>(
  args: readonly string[],
  options: O,
  positionals: { readonly names: readonly string[]; readonly optional?: number } = { names: [] },
) {
  const { names, optional = 0 } = positionals;
  const parsed = attempt(Object.keys(options), () =>
    parseArgs({ args: [...args], options, allowPositionals: true, strict: true }),
  );
  const missing = names.slice(parsed.positionals.length, names.length - optional);
  if (missing.length > 0) throw new UsageError(`${missing.join(" and ")} must be given`);
  const extra = parsed.positionals[names.length];
  if (extra !== undefined) throw new UsageError(`unexpected argument "${extra}"`);
  const empty = names.find((_, at) => parsed.positionals[at] === "");
  if (empty !== undefined) throw new UsageError(`${empty} must not be empty`);
  return parsed;
}

function attempt<T>(options: readonly string[], parsing: () => T): T {
  try {
    return parsing();
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    // The sentence names the option, or what was written, first.
    const [, said = ""] = /'(.*?)'/s.exec(message) ?? [];
    if (code === "ERR_PARSE_ARGS_UNKNOWN_OPTION") throw new UsageError(unknown(said, options));
    throw new UsageError(
      message.includes("ambiguous")
        ? `what follows ${said} begins with a dash: write ${said}=VALUE`
        : message.replaceAll("\n", " "),
    );
  }
}

function unknown(said: string, options: readonly string[]): string {
  const near = nearest(
    [said],
    options.map((name) => `--${name}`),
  );
  return `there is no option ${said}${near === null ? "" : `, perhaps ${near} is meant`}`;
}

/** @throws UsageError */
export function idOf(text: string, name: string, what: string): string {
  if (/^\d{1,15}$/.test(text)) return text;
  throw new UsageError(`${name} is the id of ${what}, a number`);
}
