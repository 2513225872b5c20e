"use client";

import Link from "next/link";
import type { ReactNode } from "react";
import type { Why as WhyShape } from "../../../server/api/requests/why";
import { routes } from "../../_client/navigation";
import { useOrg } from "../../_shell/org";
import { Timed } from "../../_ui/timed";

/** The reason in one sentence, until when it holds, and a way to its cause. */
export function Why(props: { why: WhyShape }) {
  const org = useOrg();
  const { sentence, link, until } = props.why;
  if (!link) return <Timed text={sentence} until={until} />;
  const path = {
    worker: routes.worker,
    pool: routes.pool,
    limits: routes.limits,
  }[link.kind](org.slug, link.id);
  const anchor = (
    <Link href={path} className="link">
      {link.text}
    </Link>
  );
  const at = sentence.indexOf(link.text);
  if (at < 0) {
    return (
      <>
        <Timed text={sentence} until={until} /> {anchor}
      </>
    );
  }
  const before: ReactNode = sentence.slice(0, at);
  return (
    <>
      {before}
      {anchor}
      <Timed text={sentence.slice(at + link.text.length)} until={until} />
    </>
  );
}

/** What its worker fell over, and what may be done about it. */
export function WhyCause({ why: { cause } }: { why: WhyShape }) {
  const org = useOrg();
  if (!cause) return null;
  return (
    <span className="block break-words text-muted">
      {asSentence(cause.words)} {cause.advice ? `${cause.advice} ` : null}
      {cause.instanceId === null ? null : (
        <Link className="link" href={routes.instance(org.slug, cause.instanceId)} prefetch={false}>
          The machine that failed
        </Link>
      )}
    </span>
  );
}

/** Words of others may end as a question. */
function asSentence(words: string): string {
  const begun = words.charAt(0).toUpperCase() + words.slice(1);
  return /[.?!]$/.test(begun) ? begun : `${begun}.`;
}
