"use client";

import type { ReactNode } from "react";
import { Button } from "./button";
import { Dialog } from "./dialog";
import { Problem } from "./problem";

/** Asks once more before something that cannot be undone. */
export function ConfirmDialog(props: {
  title: string;
  action: string;
  isBusy: boolean;
  error: unknown;
  onClose: () => void;
  onConfirm: () => void;
  children: ReactNode;
}) {
  return (
    <Dialog title={props.title} onClose={props.onClose}>
      <div className="space-y-4">
        <p className="text-muted">{props.children}</p>
        <Problem error={props.error} />
        <div className="flex justify-end gap-2">
          <Button onClick={props.onClose}>Keep it</Button>
          <Button look="danger" disabled={props.isBusy} onClick={props.onConfirm}>
            {props.action}
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
