"use client";

import { useState } from "react";
import { Button } from "@/app/_ui/button";
import { Dialog } from "@/app/_ui/dialog";
import { Field } from "@/app/_ui/field";
import { Problem } from "@/app/_ui/problem";
import { Compare } from "./compare";

/** What will change, once more, before it does. */
export function ActivateDialog(props: {
  before: string;
  after: string;
  isBusy: boolean;
  error: unknown;
  onClose: () => void;
  onConfirm: (comment: string) => void;
}) {
  const [comment, setComment] = useState("");
  return (
    <Dialog title="Activate these changes" wide onClose={props.onClose}>
      <form
        className="space-y-4"
        onSubmit={(event) => {
          event.preventDefault();
          props.onConfirm(comment);
        }}
      >
        <Compare
          before={props.before}
          after={props.after}
          labels={["What is active", "What will be active"]}
        />
        <p className="text-muted">
          Builds that run go on with what they began with. Passwords written out move to the secret
          store before anything is kept.
        </p>
        <Field
          label="Why (if you like)"
          name="comment"
          maxLength={500}
          value={comment}
          onChange={(event) => setComment(event.target.value)}
        />
        <Problem error={props.error} />
        <div className="flex justify-end gap-2">
          <Button onClick={props.onClose}>Go on editing</Button>
          <Button look="primary" type="submit" disabled={props.isBusy}>
            Activate now
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
