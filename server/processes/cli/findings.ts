/** What is wrong in a configuration, a line each, as compilers print it. */
import type { ConfigError } from "../../config";

/** Of warnings in the same words, so many have a line; a fleet of two hundred workers has one reader. */
const ALIKE = 3;

export function listErrors(file: string, errors: readonly ConfigError[]): string {
  return errors.map((error) => line(file, error, "")).join("");
}

export function listWarnings(file: string, warnings: readonly ConfigError[]): string {
  const alike = new Map<string, ConfigError[]>();
  for (const warning of warnings) {
    const known = alike.get(warning.message);
    if (known) known.push(warning);
    else alike.set(warning.message, [warning]);
  }
  return [...alike]
    .flatMap(([message, all]) => {
      const shown = all.slice(0, ALIKE).map((warning) => line(file, warning, "warning: "));
      const rest = all.length - shown.length;
      return rest === 0 ? shown : [...shown, `${file}: warning: ${rest} more: ${message}\n`];
    })
    .join("");
}

function line(file: string, { path, line, column, message }: ConfigError, kind: string): string {
  const where = path === "" ? "" : `${path}: `;
  return `${file}:${line}:${column}: ${kind}${where}${message}\n`;
}
