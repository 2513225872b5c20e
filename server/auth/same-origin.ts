/**
 * The barrier against forged requests: a browser sends its cookie along wherever the request comes
 * from, so one that changes something must come from our own pages. Browsers say so in
 * `Sec-Fetch-Site` (Fetch Metadata) or `Origin`; a request with neither is not a browser's and may
 * send a token instead of a cookie.
 */
export function isSameOrigin(headers: Headers, publicUrl: string): boolean {
  const site = headers.get("sec-fetch-site");
  if (site !== null && site !== "same-origin") return false;
  const origin = headers.get("origin");
  if (origin === null) return site === "same-origin";
  if (!URL.canParse(origin)) return false;
  const from = new URL(origin);
  return from.host === headers.get("host") || from.origin === new URL(publicUrl).origin;
}
