/**
 * One line per fact on standard error: time, what happened, then `key=value` pairs. Lines of one
 * process are told apart by the supervisor's prefix.
 */
export type Log = (message: string, fields?: Readonly<Record<string, unknown>>) => void;

export function createLog(write: (line: string) => void, now: () => Date): Log {
  return (message, fields = {}) => {
    const pairs = Object.entries(fields).map(([key, value]) => `${key}=${shown(value)}`);
    write([now().toISOString(), message, ...pairs].join(" "));
  };
}

function shown(value: unknown): string {
  if (value instanceof Error) {
    const cause = value.cause instanceof Error ? ` (${value.cause.message})` : "";
    return JSON.stringify(`${value.message}${cause}`);
  }
  if (typeof value === "string") return /^[\w.:@/+-]+$/.test(value) ? value : JSON.stringify(value);
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
