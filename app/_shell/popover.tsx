"use client";

import { type ReactNode, useEffect, useId, useRef, useState } from "react";

/** A small menu under its button; closes on a choice, on Escape and on a press elsewhere. */
export function Popover(props: {
  label: ReactNode;
  ariaLabel: string;
  buttonClass: string;
  place: string;
  children: (close: () => void) => ReactNode;
}) {
  const [isOpen, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const id = useId();
  useEffect(() => {
    if (!isOpen) return;
    const onPress = (event: PointerEvent) => {
      if (event.target instanceof Node && !box.current?.contains(event.target)) setOpen(false);
    };
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      setOpen(false);
      button.current?.focus();
    };
    addEventListener("pointerdown", onPress);
    addEventListener("keydown", onKey, true);
    return () => {
      removeEventListener("pointerdown", onPress);
      removeEventListener("keydown", onKey, true);
    };
  }, [isOpen]);
  return (
    <div ref={box} className="relative min-w-0">
      <button
        ref={button}
        type="button"
        aria-label={props.ariaLabel}
        aria-expanded={isOpen}
        aria-controls={id}
        className={props.buttonClass}
        onClick={() => setOpen(!isOpen)}
      >
        {props.label}
      </button>
      {isOpen ? (
        <div
          id={id}
          className={`absolute z-40 min-w-56 rounded-lg border border-line-strong bg-raised p-1 shadow-(--shadow) ${props.place}`}
        >
          {props.children(() => setOpen(false))}
        </div>
      ) : null}
    </div>
  );
}

export const menuItem =
  "flex h-8 w-full items-center gap-2 rounded-sm px-2 text-left hover:bg-hover focus-visible:bg-hover";
