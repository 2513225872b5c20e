"use client";

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTRPC } from "@/app/_client/trpc";
import { Button } from "@/app/_ui/button";
import { Dialog } from "@/app/_ui/dialog";
import { ReasonDialog } from "@/app/_ui/reason-dialog";

/**
 * Stops something of machines, after it asked why. What goes by itself, or by another's hand, while it
 * asks is said in the dialog, which then has nothing left to do.
 */
export function StopButton(props: {
  label: ReactNode;
  small?: boolean;
  title: string;
  /** In the dialog. */
  action: string;
  /** What it is that is over already, as a sentence; null: it is not. */
  over: string | null;
  stop: (reason: string) => Promise<unknown>;
  /** What will become of it. */
  children: ReactNode;
}) {
  const { over, title } = props;
  const trpc = useTRPC();
  const queries = useQueryClient();
  const [isAsking, ask] = useState(false);
  const stop = useMutation({
    mutationFn: props.stop,
    onSuccess: () => ask(false),
    onSettled: () => queries.invalidateQueries({ queryKey: trpc.instances.pathKey() }),
  });
  const close = () => {
    stop.reset();
    ask(false);
  };
  return (
    <>
      {over === null ? (
        <Button look="danger" small={props.small} onClick={() => ask(true)}>
          {props.label}
        </Button>
      ) : null}
      {isAsking && over !== null ? (
        <Dialog title={title} onClose={close}>
          <p role="status">{over}</p>
          <div className="mt-4 flex justify-end">
            <Button onClick={close}>Close</Button>
          </div>
        </Dialog>
      ) : null}
      {isAsking && over === null ? (
        <ReasonDialog
          title={title}
          action={props.action}
          keep="Leave it"
          isDangerous
          isBusy={stop.isPending}
          error={stop.error}
          onClose={close}
          onSubmit={(reason) => stop.mutate(reason)}
        >
          {props.children}
        </ReasonDialog>
      ) : null}
    </>
  );
}
