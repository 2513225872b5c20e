"use client";

import { useEffect, useRef, useState } from "react";
import { Button } from "@/app/_ui/button";
import { useModule } from "./use-module";

/** Two texts and what is different; unified, or side by side where there is room. */
export function Compare(props: {
  before: string;
  after: string;
  labels: readonly [before: string, after: string];
  /** Given: changes may be taken back one by one. */
  onChange?: (text: string) => void;
}) {
  const module = useModule(() => import("./editor/compare"));
  const [isSideBySide, setSideBySide] = useState(false);
  const place = useRef<HTMLDivElement>(null);
  const latest = useRef(props);
  latest.current = props;
  const { before, after, onChange } = props;
  const [shown] = useState(after);
  const text = onChange ? shown : after;
  const isEditable = onChange !== undefined;
  useEffect(() => {
    if (!module || !place.current) return;
    return module.mountCompare(place.current, {
      before,
      after: text,
      labels: latest.current.labels,
      isSideBySide,
      ...(isEditable ? { onChange: (next: string) => latest.current.onChange?.(next) } : {}),
    });
  }, [module, before, text, isSideBySide, isEditable]);
  if (before === after && !isEditable) return <p className="text-muted">There is no difference.</p>;
  return (
    <div className="space-y-2">
      {isEditable ? null : (
        <Button small className="max-sm:hidden" onClick={() => setSideBySide(!isSideBySide)}>
          {isSideBySide ? "One below the other" : "Side by side"}
        </Button>
      )}
      <div ref={place} className="max-h-[50dvh] overflow-auto rounded-md border border-line" />
    </div>
  );
}
