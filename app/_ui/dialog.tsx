"use client";

import { type ReactNode, useId, useLayoutEffect, useRef } from "react";
import { Button } from "./button";
import { ICONS, Icon } from "./icon";

/**
 * A modal dialog: the browser's own element, so focus is held inside, Escape closes it, and focus
 * goes back to where it came from. Mounted is open. What has `data-autofocus` gets the focus first.
 */
export function Dialog(props: {
  title: string;
  onClose: () => void;
  children: ReactNode;
  wide?: boolean;
}) {
  const element = useRef<HTMLDialogElement>(null);
  const title = useId();
  // Of the layout, so that it is closed while it is still in the page: a dialog that was taken out of it
  // gives the focus back to nobody.
  useLayoutEffect(() => {
    const dialog = element.current;
    if (dialog && !dialog.open) {
      dialog.showModal();
      // The browser would take the first that can have it, which is the button that closes.
      dialog.querySelector<HTMLElement>("[data-autofocus]")?.focus();
    }
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={element}
      aria-labelledby={title}
      onCancel={(event) => {
        event.preventDefault();
        props.onClose();
      }}
      onMouseDown={(event) => {
        if (event.target === element.current) props.onClose();
      }}
      className={`m-auto max-h-[88dvh] w-[calc(100vw-24px)] ${
        props.wide ? "max-w-2xl" : "max-w-md"
      } overflow-hidden rounded-lg border border-line-strong bg-raised p-0 text-fg shadow-(--shadow)`}
    >
      <div className="flex max-h-[88dvh] flex-col">
        <header className="flex items-center justify-between gap-4 border-b border-line py-2 pr-2 pl-4">
          <h2 id={title} className="font-semibold">
            {props.title}
          </h2>
          <Button look="quiet" small aria-label="Close" onClick={props.onClose}>
            <Icon path={ICONS.close} />
          </Button>
        </header>
        <div className="overflow-auto p-4">{props.children}</div>
      </div>
    </dialog>
  );
}
