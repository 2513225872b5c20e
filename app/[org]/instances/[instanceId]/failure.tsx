"use client";

import Link from "next/link";
import { routes } from "@/app/_client/navigation";
import { SettingsLink } from "@/app/_features/machines";
import { useOrg } from "@/app/_shell/org";
import { Ago } from "@/app/_ui/time";
import type { InstancePage } from "@/server/api/instances/one";
import { adviceOn } from "@/server/domain/latent/advice";

/** What went wrong, in the provider's words, and what to do about it. */
export function Failure({ instance }: { instance: InstancePage }) {
  const org = useOrg();
  const { isFailed, endReason, endAdvice, lastError, stopTries, unlistedAt, state } = instance;
  if (state !== "gone" && stopTries > 0) {
    return (
      <Box title={`It could not be stopped, ${stopTries === 1 ? "once" : `${stopTries} times`}`}>
        <Words text={lastError} />
        <p className="text-muted">
          It is tried again, ever more rarely, until the provider says that it is gone. It may cost
          until then: look there, and take it away by hand if it stays.
        </p>
      </Box>
    );
  }
  if (isFailed) {
    const waiting = instance.builds[0];
    return (
      <Box title="Its worker never logged in">
        <Words text={endReason} />
        {endAdvice === null || adviceOn(endReason ?? "") !== null ? null : <p>{endAdvice}</p>}
        <p className="text-muted">
          {waiting ? (
            <>
              What it said as it started is in the log of{" "}
              <Link
                className="link"
                href={routes.build(org.slug, waiting.builderId, waiting.number)}
              >
                {waiting.builder} #{waiting.number}
              </Link>
              .{" "}
            </>
          ) : null}
          {instance.workerId === 0 ? null : (
            <>
              Its{" "}
              <SettingsLink workerId={instance.workerId} pool={instance.pool}>
                settings
              </SettingsLink>{" "}
              {instance.pool
                ? `are those of pool ${instance.pool.name}.`
                : "can be tested stage by stage."}
            </>
          )}
        </p>
      </Box>
    );
  }
  if (unlistedAt !== null && state !== "gone") {
    return (
      <Box title="The provider does not list it any more">
        <p className="text-muted">
          Since <Ago at={unlistedAt} />. If it stays so it is taken for gone, and its builds are
          built again.
        </p>
      </Box>
    );
  }
  return null;
}

function Box(props: { title: string; children: React.ReactNode }) {
  return (
    <div className="mb-6 max-w-4xl border-l-2 border-purple pl-4">
      <h2 className="font-semibold">{props.title}</h2>
      <div className="mt-1 space-y-1.5">{props.children}</div>
    </div>
  );
}

function Words({ text }: { text: string | null }) {
  if (!text) return null;
  const advice = adviceOn(text);
  return (
    <>
      <pre className="num max-h-60 overflow-auto text-[12.5px] whitespace-pre-wrap break-words">
        {text}
      </pre>
      {advice ? <p>{advice}</p> : null}
    </>
  );
}
