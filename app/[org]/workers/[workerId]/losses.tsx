"use client";

import { useQuery } from "@tanstack/react-query";
import { useLive } from "@/app/_client/live";
import { useTRPC } from "@/app/_client/trpc";
import { StatusIcon } from "@/app/_features/status";
import { useOrg } from "@/app/_shell/org";
import { Section } from "@/app/_ui/page-head";
import { Ago, Countdown, Duration } from "@/app/_ui/time";
import type { LossRow } from "@/server/api/workers/losses";

/** The times it was away for too long, and who was told by mail. */
export function Losses(props: { workerId: number; isOpenOnly?: boolean }) {
  const org = useOrg();
  const trpc = useTRPC();
  const query = trpc.workers.losses.queryOptions({ org: org.slug, workerId: props.workerId });
  const { data } = useQuery(query);
  useLive([`worker:${props.workerId}`], [query.queryKey]);
  const losses = (data?.losses ?? []).filter(
    (loss) => loss.noticedAt !== null && !(props.isOpenOnly && loss.backAt !== null),
  );
  if (losses.length === 0) return null;
  return (
    <div className="mb-7">
      <Section title={props.isOpenOnly ? "Missing" : "Times it was missing"}>
        <ol className="max-w-4xl divide-y divide-line border-y border-line">
          {losses.map((loss) => (
            <li key={loss.id} className="py-2">
              <Loss loss={loss} />
            </li>
          ))}
        </ol>
      </Section>
    </div>
  );
}

function Loss({ loss }: { loss: LossRow }) {
  return (
    <>
      <p className="flex flex-wrap items-baseline gap-x-3">
        <span className="font-medium">
          {loss.backAt === null ? "It is missing" : "It was missing"}
        </span>
        <span className="text-muted">
          lost <Ago at={loss.lostAt} />, away for <Duration from={loss.lostAt} to={loss.backAt} />
        </span>
      </p>
      {loss.note === null ? null : <p className="text-amber">{loss.note}</p>}
      {loss.mails.length === 0 && loss.note === null ? (
        <p className="text-muted">Nobody is to be told: it has no notify_on_missing.</p>
      ) : null}
      <ul>
        {loss.mails.map((mail) => (
          <li key={mail.recipient} className="flex flex-wrap items-center gap-x-2">
            <Mail mail={mail} />
          </li>
        ))}
      </ul>
    </>
  );
}

/** What became of the mail to one person. */
function Mail({ mail }: { mail: LossRow["mails"][number] }) {
  const { recipient, sentAt, givenUpAt, nextTryAt, lastAnswer, attempts } = mail;
  const state = sentAt !== null ? "success" : givenUpAt !== null ? "failure" : "waiting";
  return (
    <>
      <StatusIcon state={state} size={13} />
      <span className="break-all">{recipient}</span>
      <span className="text-muted">
        {sentAt !== null ? (
          <>
            was told <Ago at={sentAt} />
          </>
        ) : givenUpAt !== null ? (
          `could not be told, after ${attempts === 1 ? "1 attempt" : `${attempts} attempts`}`
        ) : nextTryAt === null ? (
          "will be told"
        ) : attempts === 0 ? (
          "is being told"
        ) : (
          <>
            was not told yet; next attempt <Countdown to={nextTryAt} />
          </>
        )}
        {lastAnswer === null || sentAt !== null ? null : `: ${lastAnswer}`}
      </span>
    </>
  );
}
