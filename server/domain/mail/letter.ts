/** A mail, and what became of it at the server that was to take it. */

export interface Letter {
  readonly from: string;
  /** All whom it is for: the same at every try. */
  readonly to: readonly string[];
  /** Those of them who have not got it yet. */
  readonly open: readonly string[];
  readonly subject: string;
  readonly text: string;
  readonly messageId: string;
  readonly date: Date;
}

export interface Posted {
  readonly accepted: readonly string[];
  /** With the server's own words; what is in neither list is not known. */
  readonly refused: readonly { readonly recipient: string; readonly answer: string }[];
  /** What the server said when it took it. */
  readonly answer: string;
}
