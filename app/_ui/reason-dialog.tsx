"use client";

import { type ReactNode, useState } from "react";
import { Button } from "./button";
import { Dialog } from "./dialog";
import { Field } from "./field";
import { fieldProblems, Problem } from "./problem";

/** Asks why before it does something that is recorded with a name. */
export function ReasonDialog(props: {
  title: string;
  action: string;
  keep?: string;
  isDangerous?: boolean;
  isRequired?: boolean;
  isBusy: boolean;
  error: unknown;
  onClose: () => void;
  onSubmit: (reason: string) => void;
  children?: ReactNode;
}) {
  const [reason, setReason] = useState("");
  return (
    <Dialog title={props.title} onClose={props.onClose}>
      <form
        className="space-y-4"
        onSubmit={(event) => {
          event.preventDefault();
          props.onSubmit(reason);
        }}
      >
        {props.children ? <div className="text-muted">{props.children}</div> : null}
        <Field
          label="Reason"
          value={reason}
          onChange={(event) => setReason(event.target.value)}
          required={props.isRequired}
          maxLength={1000}
          data-autofocus
          help="Recorded with your name, and shown to everybody."
          problem={fieldProblems(props.error).reason}
        />
        <Problem error={props.error} />
        <div className="flex justify-end gap-2">
          <Button onClick={props.onClose}>{props.keep ?? "Close"}</Button>
          <Button
            type="submit"
            look={props.isDangerous ? "danger" : "primary"}
            disabled={props.isBusy}
            aria-busy={props.isBusy}
          >
            {props.action}
            {props.isBusy ? " …" : ""}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
