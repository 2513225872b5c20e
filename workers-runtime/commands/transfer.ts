/** What uploads and downloads share. */

export const INTERRUPTED = "the transfer was interrupted";

/** One string of either protocol holds at most 640 KiB. */
const LARGEST_BLOCK = 640 * 1024;

export function blockSize(asked: number): number {
  return Math.max(1, Math.min(Math.floor(asked), LARGEST_BLOCK));
}
