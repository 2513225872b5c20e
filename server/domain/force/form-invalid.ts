import { AppError } from "../errors";
import type { FieldErrors } from "./read-form";

/** A form was not filled in right: what is wrong, by the full names of its fields. */
export class FormInvalid extends AppError {
  constructor(readonly fields: FieldErrors) {
    const said = Object.entries(fields).map(([name, problem]) => `${name} ${problem}`);
    super("form.invalid", { problem: said.join("; ") });
  }
}
