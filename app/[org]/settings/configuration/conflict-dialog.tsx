"use client";

import { useState } from "react";
import { Button } from "@/app/_ui/button";
import { Dialog } from "@/app/_ui/dialog";
import { Compare } from "./compare";

/** Somebody was quicker: both texts, and every change of mine may be kept or given up. */
export function ConflictDialog(props: {
  said: readonly string[];
  mine: string;
  theirs: string;
  onClose: () => void;
  /** The text to go on with; from now on it counts as begun with theirs. */
  onChoose: (text: string) => void;
}) {
  const { mine, theirs, onChoose } = props;
  const [merged, setMerged] = useState(mine);
  return (
    <Dialog title="Somebody saved meanwhile" wide onClose={props.onClose}>
      <div className="space-y-4">
        <ul>
          {props.said.map((sentence) => (
            <li key={sentence}>{sentence}.</li>
          ))}
        </ul>
        <p className="text-muted">
          Nothing is lost. Your text is below, marked where it differs from what is active now: keep
          yours or take theirs, change by change, then go on. Nothing is active until you say so.
        </p>
        <Compare
          before={theirs}
          after={mine}
          labels={["What is active now", "Your text, merged"]}
          onChange={setMerged}
        />
        <div className="flex flex-wrap justify-end gap-2">
          <Button onClick={() => onChoose(theirs)}>Take all of theirs</Button>
          <Button onClick={() => onChoose(mine)}>Keep all of mine</Button>
          <Button look="primary" onClick={() => onChoose(merged)}>
            Go on with the merged text
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
