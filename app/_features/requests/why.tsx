"use client";

import Link from "next/link";
import { routes } from "../../_client/navigation";
import { useOrg } from "../../_shell/org";

export interface WhyShape {
  readonly sentence: string;
  readonly link?: {
    readonly kind: "worker" | "build" | "builder";
    readonly id: number;
    readonly text: string;
  } | null;
}

/** The reason in one sentence, and a way to its cause. */
export function Why(props: { why: WhyShape }) {
  const org = useOrg();
  const { sentence, link } = props.why;
  if (!link) return <>{sentence}</>;
  const path = {
    worker: routes.worker,
    build: routes.buildById,
    builder: routes.builder,
  }[link.kind](org.slug, link.id);
  const at = sentence.indexOf(link.text);
  const anchor = (
    <Link href={path} className="link">
      {link.text}
    </Link>
  );
  if (at < 0) {
    return (
      <>
        {sentence} {anchor}
      </>
    );
  }
  return (
    <>
      {sentence.slice(0, at)}
      {anchor}
      {sentence.slice(at + link.text.length)}
    </>
  );
}
