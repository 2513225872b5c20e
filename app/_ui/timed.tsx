"use client";

import { momentText } from "../../server/domain/text/moment";
import { Clock, Countdown } from "./time";

/**
 * A sentence with the moment until which it holds: where it names the moment it does so in the reader's
 * own time of day, and beside it stands how long that is from now.
 */
export function Timed({ text, until }: { text: string; until: number | null }) {
  if (until === null) return <>{text}</>;
  const written = momentText(until);
  const at = text.indexOf(written);
  if (at < 0) {
    const end = text.endsWith(".") ? text.length - 1 : text.length;
    return (
      <>
        {text.slice(0, end)}, otherwise <Countdown to={until} />
        {text.slice(end)}
      </>
    );
  }
  return (
    <>
      {text.slice(0, at)}
      <Clock at={until} /> (<Countdown to={until} />){text.slice(at + written.length)}
    </>
  );
}
