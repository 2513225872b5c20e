/** A way on this site from a query parameter; anything else leads to the front page. */
export function localPath(value: string | string[] | undefined): string {
  const path = typeof value === "string" ? value : "/";
  return /^\/(?![/\\])/.test(path) ? path : "/";
}
