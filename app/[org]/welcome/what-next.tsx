"use client";

import Link from "next/link";
import { Status } from "@/app/_features/status";
import { useIsAtLeast, useOrg } from "@/app/_shell/org";
import { buttonClass } from "@/app/_ui/button";
import type { WelcomeStatus } from "@/server/api/welcome/status";

export function WhatNext({ status }: { status: WelcomeStatus }) {
  const org = useOrg();
  const isAdmin = useIsAtLeast("admin");
  return (
    <section
      aria-labelledby="what-next"
      className="mt-6 rounded-md border border-green bg-green-soft px-4 py-3"
    >
      <h2 id="what-next" className="font-semibold">
        <Status state="success" word="It builds, and it is green" />
      </h2>
      <p className="mt-1 mb-3">
        Every new commit on the branch is built from now on: the repository is asked each minute.
      </p>
      <div className="flex flex-wrap gap-2">
        <Link className={buttonClass("primary")} href={`/${org.slug}`}>
          See the board
        </Link>
        {isAdmin ? (
          <>
            <Link className={buttonClass()} href={`/${org.slug}/settings/members`}>
              {status.members > 1 ? "Members" : "Invite people"}
            </Link>
            <Link className={buttonClass()} href={`/${org.slug}/settings/tokens`}>
              {status.hasToken ? "API tokens" : "A token for programs"}
            </Link>
          </>
        ) : null}
        <Link className={buttonClass()} href={`/${org.slug}/settings/configuration`}>
          The configuration
        </Link>
      </div>
    </section>
  );
}
