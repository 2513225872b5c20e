/**
 * How long a log's lines may wait before they are written.
 *
 * A chunk is never rewritten, so every write of a log that trickles leaves a small chunk behind.
 * The n-th small chunk of a log therefore waits n milliseconds, within 50 and 1000: a short build
 * is live within 50 ms, and a log that prints ten lines a second for eight hours ends up with
 * about 30,000 chunks, not 288,000 (and with 1,000 after its first eight minutes). A line after a
 * silence is written soon in any log: silence is what keeps its chunks few.
 */
export const SHORTEST_DELAY_MS = 50;
export const LONGEST_DELAY_MS = 1000;
/** A smaller chunk counts as small. */
export const SMALL_CHUNK_BYTES = 16 * 1024;

export function flushDelayMs(smallChunks: number, silenceMs: number): number {
  const delay = Math.min(LONGEST_DELAY_MS, Math.max(SHORTEST_DELAY_MS, smallChunks));
  return silenceMs > 5 * delay ? SHORTEST_DELAY_MS : delay;
}
