import { z } from "zod";
import { ms } from "../sql";
import type { OrgScope } from "../trpc";

export const lossesInput = z.object({ workerId: z.number().int().positive() });

/** Times in milliseconds since the epoch. */
export interface LossRow {
  id: number;
  lostAt: number;
  /** Since when it counts as missing; null: it may still come in time. */
  noticedAt: number | null;
  timeoutSeconds: number | null;
  backAt: number | null;
  /** What the mail server said when it refused last, or that there is no mailer; null: all is well. */
  note: string | null;
  mails: {
    recipient: string;
    attempts: number;
    sentAt: number | null;
    givenUpAt: number | null;
    /** When it is tried again, if it is. */
    nextTryAt: number | null;
    /** The mail server's words, or why none was asked. */
    lastAnswer: string | null;
  }[];
}

/** The last times a worker was lost, newest first, with who was told. */
export async function workerLosses(org: OrgScope, input: z.output<typeof lossesInput>) {
  const losses = await org.within((tx) => tx.rows<LossRow>(LOSSES, [org.orgId, input.workerId]));
  return { losses };
}

const LOSSES = {
  name: "worker-losses",
  text: `select l.id, ${ms("l.lost_at")} as "lostAt", ${ms("l.noticed_at")} as "noticedAt",
      l.timeout_seconds as "timeoutSeconds", ${ms("l.back_at")} as "backAt", l.note,
      (select coalesce(json_agg(json_build_object('recipient', m.recipient, 'attempts', m.attempts,
          'sentAt', ${ms("m.sent_at")}, 'givenUpAt', ${ms("m.given_up_at")}, 'lastAnswer', m.last_answer,
          'nextTryAt', case when m.sent_at is null and m.given_up_at is null then ${ms("m.next_try_at")} end)
          order by m.id), '[]') from worker_mail m where m.loss_id = l.id) as mails
    from worker_loss l where l.org_id = $1 and l.worker_id = $2 order by l.id desc limit 20`,
};
