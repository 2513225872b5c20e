/** What an activation did, each as "builder runtests". */
export interface Changes {
  readonly added: string[];
  readonly changed: string[];
  readonly removed: string[];
}

/** @param row what there was of it */
export function noteWritten(
  changes: Changes,
  what: string,
  row: { readonly gone: boolean } | undefined,
): void {
  changes[row && !row.gone ? "changed" : "added"].push(what);
}
