import { randomBytes } from "node:crypto";
import { z } from "zod";
import { sealedEntry } from "../../config";
import { only } from "../../db/pool";
import { AppError } from "../../domain/errors";
import type { StageReport, TestOutcome } from "../../domain/latent";
import { sealingKey } from "../../secrets/seal";
import { setSecrets } from "../../secrets/store";
import type { ApiContext } from "../context";
import { ms } from "../sql";
import { mustBeAllowed, type OrgScope } from "../trpc";
import { answersSchema, optionsFor } from "./imagined-build";
import { entryInput, type OptionProblem, readEntry } from "./settings";

/** Running at once, of one organisation: each is a machine. */
const MOST_AT_ONCE = 3;
/** With the organisation's id: who holds it asks for a test. */
const TESTS_LOCK = 1_953_719_667;

/** The entry, and what a build would have that its options depend on. */
export const askInput = entryInput.extend({ answers: answersSchema.optional() });

export const testInput = z.object({ testId: z.number().int().positive() });

export type TestAsked =
  | { readonly isAsked: true; readonly testId: number }
  | { readonly isAsked: false; readonly problems: readonly OptionProblem[] };

/**
 * Asks `jobs` to try the settings of a form. What is hidden in them goes into the secret store first,
 * where saving would put it, so that no row ever holds it in clear.
 *
 * @throws AppError request.conflict when others are being tried
 */
export async function testWorker(
  ctx: ApiContext,
  org: OrgScope,
  { answers = {}, ...input }: z.output<typeof askInput>,
): Promise<TestAsked> {
  const asked = await org.within(async (tx): Promise<TestAsked> => {
    const read = await readEntry(ctx, tx, org, input);
    if (read.problems.length > 0) return { isAsked: false, problems: read.problems };
    const { entry, secrets } = sealedEntry(read.entry);
    const { type, name, password: _, ...written } = entry;
    const made = optionsFor(written, answers);
    if ("problem" in made) return { isAsked: false, problems: [made.problem] };
    if (secrets.length > 0) {
      mustBeAllowed(org, "secrets");
      await setSecrets(tx, sealingKey(ctx.runtime.env.secretKey), org.caller, secrets);
    }
    // Of two that ask at once the second counts the first.
    await tx.rows("select pg_advisory_xact_lock($1, $2::int)", [TESTS_LOCK, org.orgId]);
    const rows = await tx.rows<{ id: number }>(
      `insert into driver_test (org_id, worker_name, kind, config, asked_by, login_name)
       select $1, $2, $3, $4, $5, $6 where (
         select count(*) from driver_test where org_id = $1 and ended_at is null) < ${MOST_AT_ONCE}
       returning id`,
      [
        org.orgId,
        name,
        type,
        JSON.stringify(made.config),
        org.user.email,
        `test.${randomBytes(8).toString("hex")}`,
      ],
    );
    if (rows.length === 0) {
      throw new AppError("request.conflict", {
        problem: `${MOST_AT_ONCE} tests are running already`,
      });
    }
    return { isAsked: true, testId: only(rows).id };
  });
  ctx.runtime.driverTestAsked();
  return asked;
}

export interface DriverTestRow {
  id: number;
  workerName: string;
  kind: string;
  askedBy: string;
  askedAt: number;
  endedAt: number | null;
  outcome: TestOutcome | null;
  cancelledBy: string | null;
  instanceId: number | null;
  stages: StageReport[];
}

export async function driverTest(
  org: OrgScope,
  { testId }: z.output<typeof testInput>,
): Promise<DriverTestRow> {
  const [row] = await org.within((tx) =>
    tx.rows<DriverTestRow>(
      `select id, worker_name as "workerName", kind, asked_by as "askedBy", ${ms("asked_at")} as "askedAt",
         ${ms("ended_at")} as "endedAt", outcome, cancelled_by as "cancelledBy", instance_id as "instanceId", stages
       from driver_test where org_id = $1 and id = $2`,
      [org.orgId, testId],
    ),
  );
  if (row === undefined) throw new AppError("request.not-found", { what: "test" });
  return row;
}

/** Its machine is stopped all the same. Of no consequence for one that is over. */
export async function cancelTest(
  ctx: ApiContext,
  org: OrgScope,
  { testId }: z.output<typeof testInput>,
): Promise<void> {
  await org.within((tx) =>
    tx.rows(
      `update driver_test set cancelled_at = now(), cancelled_by = $3
       where org_id = $1 and id = $2 and ended_at is null and cancelled_at is null`,
      [org.orgId, testId, org.user.email],
    ),
  );
  ctx.runtime.driverTestAsked();
}
