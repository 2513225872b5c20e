import { z } from "zod";
import { ms } from "../sql";
import type { OrgScope } from "../trpc";

const PAGE = 50;

export const sweepsInput = z.object({
  accountId: z.number().int().positive().optional(),
  /** Only those that found something, and those at which the provider's answer changed. */
  eventful: z.boolean().optional(),
  /** `before` of the last answer. */
  cursor: z.number().int().positive().nullish(),
});

/** What a sweep did about one machine. */
export interface SweepDetail {
  key: string;
  /** `unclear`: it carries our name and is no machine of ours; `key` is then what the provider calls it. */
  kind: "orphan" | "missing" | "unclear";
  /** For a person: why it does not belong there. */
  why: string;
  /** `sighted`: once so far. `would-stop`: the sweep is dry. `spared`: its worker is connected. */
  action:
    | "sighted"
    | "too-young"
    | "stopped"
    | "would-stop"
    | "not-stopped"
    | "told"
    | "spared"
    | "left-alone";
  /** In how many sweeps in a row. */
  times: number;
  /** The provider's words. */
  error: string | null;
}

export interface SweepRow {
  id: number;
  accountId: number;
  /** The account in words: `DockerLatentWorker tcp://10.0.0.7:2375`. */
  account: string;
  at: number;
  durationMs: number;
  /** Nothing was stopped: it only says what it would. */
  isDryRun: boolean;
  /** Machines of this installation that the provider listed, and those of them that we know. */
  seen: number;
  known: number;
  /** Sighted without an owner; of these, stopped. */
  orphans: number;
  stopped: number;
  /** Ours, and not at the provider. */
  missing: number;
  /** The provider did not answer, in its words: nothing else was done. */
  error: string | null;
  /** It answers again: the sweep before had no answer. */
  isBack: boolean;
  details: SweepDetail[];
}

/** Sweeps, newest first; `before` is the cursor of the next page, null at the end. */
export async function listSweeps(org: OrgScope, input: z.output<typeof sweepsInput>) {
  const { accountId, cursor } = input;
  const sweeps = await org.within((tx) =>
    tx.rows<SweepRow>(
      `select ${COLUMNS} from ${FROM} where ${wanted(input)} order by r.id desc limit ${PAGE}`,
      [
        ...[org.orgId, cursor ?? Number.MAX_SAFE_INTEGER],
        ...(accountId === undefined ? [] : [accountId]),
      ],
    ),
  );
  return { sweeps, before: sweeps.length === PAGE ? (sweeps.at(-1)?.id ?? null) : null };
}

const COLUMNS = `
  r.id, r.account_id as "accountId", a.title as account, ${ms("r.at")} as at, r.duration_ms as "durationMs",
  r.is_dry_run as "isDryRun", r.seen, r.known, r.orphans, r.stopped, r.missing, r.error, r.details,
  r.is_notable and r.error is null and r.orphans = 0 and r.missing = 0
    and not r.details @> '[{"kind": "unclear"}]' as "isBack"`;

const FROM = "sweep_report r join instance_account a on a.id = r.account_id";

/** Each has an index of its own: what is notable is a handful among thousands. */
const wanted = (input: z.output<typeof sweepsInput>) =>
  [
    "r.org_id = $1 and r.id < $2",
    ...(input.eventful ? ["r.is_notable"] : []),
    ...(input.accountId === undefined ? [] : ["r.account_id = $3"]),
  ].join(" and ");
