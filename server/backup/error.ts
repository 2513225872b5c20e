/** The file cannot be used, or the place it should go to; the message is for a person. */
export class BackupError extends Error {
  override readonly name = "BackupError";
  constructor(
    /** `file`: what is in it; `place`: where it should go. */
    readonly fault: "file" | "place",
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
