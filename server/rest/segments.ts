/** Segments of a path as they were sent, decoded. What does not decode names nothing. */
export function pathSegments(sent: readonly string[]): string[] {
  return sent.map((segment) => {
    try {
      return decodeURIComponent(segment);
    } catch {
      return "\0";
    }
  });
}
