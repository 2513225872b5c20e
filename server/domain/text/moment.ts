/**
 * A moment within a sentence, milliseconds since the epoch: `23:23:36 UTC`. Whoever shows the sentence and
 * knows the moment may put the reader's own time of day in the place of these words.
 */
export const momentText = (at: number): string => `${new Date(at).toISOString().slice(11, 19)} UTC`;
