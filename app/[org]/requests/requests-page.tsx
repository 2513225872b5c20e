"use client";

import Link from "next/link";
import { PendingRequests } from "@/app/_features/requests";
import { useOrg } from "@/app/_shell/org";
import { buttonClass } from "@/app/_ui/button";
import { Empty } from "@/app/_ui/empty";

export function RequestsPage(props: { builderId?: number | undefined }) {
  const org = useOrg();
  return (
    <>
      {props.builderId === undefined ? null : (
        <p className="pb-2 text-muted">
          Of one builder only.{" "}
          <Link className="link" href={`/${org.slug}/requests`}>
            Show all
          </Link>
        </p>
      )}
      <PendingRequests
        {...(props.builderId === undefined ? {} : { builderId: props.builderId })}
        onEmpty={
          <div className="py-4">
            <Empty
              title="Nothing waits"
              command={`npx slipway trigger BUILDER --branch main`}
              action={
                <Link className={buttonClass()} href={`/${org.slug}/builders`}>
                  Choose a builder
                </Link>
              }
            >
              A request is one ask for one build. It stays here until a worker takes it, with the
              reason it waits. Everything asked for so far has been taken. Ask for a build from its
              builder's page or from a terminal:
            </Empty>
          </div>
        }
      />
    </>
  );
}
