/** How long a provider over HTTP wants to be left alone, as its refusal says (RFC 9110, 10.2.3). */
const ASKS_FOR_PATIENCE: ReadonlySet<number> = new Set([429, 503]);

/** @returns seconds from now on; null: it does not say */
export function retryAfterSeconds(
  status: number,
  header: string | null | undefined,
  now: number,
): number | null {
  if (!ASKS_FOR_PATIENCE.has(status) || !header) return null;
  if (/^\s*\d{1,9}\s*$/.test(header)) return Number(header);
  const at = /^[A-Za-z]+, .* GMT$/.test(header.trim()) ? Date.parse(header) : Number.NaN;
  return Number.isNaN(at) ? null : Math.max(0, Math.ceil((at - now) / 1_000));
}
