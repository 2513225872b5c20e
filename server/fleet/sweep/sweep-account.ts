/**
 * One account is swept (W-143, A-27): the provider's list beside our rows. What it means is decided by a
 * pure function (server/domain/instances/judge.ts) and written down before anything is done about it.
 * A provider that does not answer gets a report that says so, and nothing else.
 */
import type { InstanceId, WorkerId } from "../../domain/ids";
import { type Finding, judge } from "../../domain/instances";
import {
  DriverError,
  type InstanceHandle,
  type LatentDriver,
  type Unclear,
} from "../../drivers/contract";
import { within } from "../latent/call";
import type { LatentContext, LatentFleet } from "../latent/context";
import { openDriver } from "../latent/open-driver";
import {
  finish,
  type HeldAccount,
  loadOurs,
  type ReportRow,
  tellMissing,
  writeFindings,
} from "./account-store";
import { accountOf, withoutBuild } from "./accounts";
import { type Outcome, putAstrayRight, stopOrphan } from "./orphans";

const LIST_SECONDS = 30;
/** Whoever may configure an engine may have one that lists what it likes. */
const MOST_LISTED = 10_000;
const MOST_UNCLEAR = 20;
const MOST_NAME = 200;
const NOTHING: ReportRow = {
  ...{ seen: 0, known: 0, orphans: 0, stopped: 0, missing: 0, error: null, details: [] },
};

/** @returns whether it is to be swept again at once */
export async function sweepAccount(
  context: LatentContext,
  fleet: LatentFleet,
  account: HeldAccount,
): Promise<boolean> {
  const { db, installation, kinds } = context;
  let driver: LatentDriver;
  let listed: readonly InstanceHandle[];
  const unclear: Unclear[] = [];
  try {
    const { orgId, driver: kind } = account;
    const options = withoutBuild(kinds, kind, account.config);
    if ("dependsOn" in options) {
      return await finish(db, account, { ...NOTHING, error: dependent(options.dependsOn) });
    }
    const opened = await openDriver(context, { orgId, kind, config: options.config });
    driver = opened;
    const all = await within(LIST_SECONDS, "list", (signal) =>
      opened.list({ installation }, signal, (found) => {
        if (unclear.length < MOST_UNCLEAR) unclear.push(found);
      }),
    );
    // Another installation's are none of our business, whatever a provider thinks we asked for.
    listed = all.filter(({ tag }) => tag.installation === installation);
    if (listed.length > MOST_LISTED) {
      const said = `it lists ${listed.length} machines of ours: more than ${MOST_LISTED} are not believed`;
      throw new DriverError("provider-down", said);
    }
  } catch (error) {
    if (!(error instanceof DriverError)) throw error;
    const isDue = await finish(db, account, { ...NOTHING, error: error.message });
    context.announce();
    return isDue;
  }
  const ours = await loadOurs(
    db,
    account,
    listed.map(({ key }) => key),
    [...new Set(listed.map(({ tag }) => tag.organization))],
  );
  const isHere = (row: (typeof ours.rows)[number]) =>
    row.isOwn &&
    row.driver === account.driver &&
    row.state !== "gone" &&
    accountOf(kinds, row.driver, row.config)?.fingerprint === account.fingerprint;
  const here = ours.rows.filter(isHere);
  const organizations = new Set(ours.organizations);
  const judgement = judge({
    ...{ at: account.at, organization: account.orgId, ours: here, sighted: ours.sighted },
    lagMs: (kinds.get(account.driver)?.listingLagSeconds ?? 0) * 1_000,
    listed: listed.map(({ key, tag, madeAt }) => ({
      ...{ key, madeAt, organization: tag.organization },
    })),
    known: ours.rows.filter(({ isListed }) => isListed),
    goneOrganizations: new Set(
      listed.map(({ tag }) => tag.organization).filter((id) => !organizations.has(id)),
    ),
  });
  const { findings } = judgement;
  const ids = here.map(({ id }) => id);
  if (!(await writeFindings(db, account, listed, ids, findings))) return false;
  for (const id of judgement.astray) {
    await putAstrayRight(context, account.orgId, id as InstanceId);
  }
  const handles = new Map(listed.map((handle) => [handle.key, handle]));
  const outcomes = new Map<string, Outcome>();
  if (!account.isDryRun) {
    for (const finding of findings.filter(({ then }) => then === "stop")) {
      const handle = handles.get(finding.key);
      if (!handle) continue;
      const outcome = await stopOrphan(context, account, driver, { handle, finding });
      outcomes.set(finding.key, outcome);
    }
  }
  const missing = findings
    .filter(({ then }) => then === "tell")
    .map(({ instanceId }) => instanceId);
  const told = missing.length === 0 ? [] : await tellMissing(db, account, missing as number[]);
  const isDue = await finish(db, account, {
    ...NOTHING,
    seen: listed.length,
    known: judgement.knownCount,
    orphans: findings.filter(({ kind }) => kind === "orphan").length,
    missing: findings.filter(({ kind }) => kind === "missing").length,
    stopped: [...outcomes.values()].filter(({ action }) => action === "stopped").length,
    details: [
      ...findings.slice(0, 200).map((finding) => detail(finding, outcomes, account.isDryRun)),
      ...unclear.map(leftAlone),
    ],
  });
  context.announce();
  for (const { workerId } of told) void fleet.see(workerId as WorkerId);
  return isDue;
}

/** Machines keep the options that they were made with, so that their accounts are known by them. */
const dependent = (names: readonly string[]) =>
  `which account it is depends on the build (${names.join(", ")}): each that has had a machine is swept by itself`;

function detail(
  { key, kind, why, times, then }: Finding,
  outcomes: ReadonlyMap<string, Outcome>,
  isDryRun: boolean,
): object {
  const outcome = outcomes.get(key);
  const error = outcome?.action === "not-stopped" ? outcome.error : null;
  const undone = isDryRun ? "would-stop" : "not-stopped";
  const action = then === "stop" ? (outcome?.action ?? undone) : then === "tell" ? "told" : then;
  return { key, kind, why, times, action, error };
}

/** Whose it is nobody can say, so that nothing is done about it but to say so. */
const leftAlone = ({ name, why }: Unclear) => ({
  ...{ key: name.slice(0, MOST_NAME), kind: "unclear", why, times: 1 },
  ...{ action: "left-alone", error: null },
});
