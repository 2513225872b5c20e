/** What all protocols know of errors. */

/** The peer broke the rules; its connection ends. */
export class ProtocolViolation extends Error {
  override readonly name = "ProtocolViolation";
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
