// Guarantee: whoever is to be told of a latent worker that got no machine is told at most once an hour, with
// how often it happened (W-076); machines that refuse to go for a quarter of an hour, and limits that are
// reached, are told once a day. The mail server is a real one; whoever sends may die at any moment.
import { afterEach, beforeEach, expect, test } from "vitest";
import type { BuilderId, WorkerId } from "../../../../../server/domain/ids";
import { DriverError } from "../../../../../server/drivers/contract";
import { tellNotice } from "../../../../../server/fleet";
import { createMailers } from "../../../../../server/processes/mailers";
import { databaseSecrets } from "../../../../../server/secrets/database";
import { RIG_KEY, until } from "../../../../support/engine-rig";
import { createLatentRig, type JobsProcess, type LatentRig } from "../../../../support/latent-rig";
import { header, type MailServer, startMailServer } from "../../../../support/mail-server";

const STEP = { type: "ShellCommand", name: "run", command: ["run"] };
const HOST = "ci.example.org";

let latent: LatentRig;
let jobs: JobsProcess;
let worker: WorkerId;
let builder: BuilderId;
let mails: MailServer;
beforeEach(async () => {
  latent = await createLatentRig();
  jobs = await latent.jobs();
  mails = await startMailServer();
  worker = await latent.addLatent("vm", { notify_on_missing: ["ops@example.org"] });
  builder = await latent.rig.addBuilder("b", [worker], [STEP]);
});
afterEach(async () => {
  await mails.close();
  await latent.close();
});

const rows = <R>(text: string) => latent.rig.db.rows<R>(text);
/** What the mail says, on one line. */
const words = (n: number) =>
  (mails.mails[n]?.raw ?? "").replaceAll(/=\r?\n/g, "").replaceAll(/\s+/g, " ");
const timePasses = (hours = 0) =>
  rows(`with n as (update notice set due_at = due_at - interval '${hours} hours', closed_at = closed_at - interval '${hours} hours',
          first_at = first_at - interval '${hours} hours'),
      m as (update notice_mail set next_try_at = now() - interval '1 s', claimed_until = claimed_until - interval '1 day')
    update deadline set fire_at = now() - interval '1 s' where kind = 'notice'`);

function telling(died?: Promise<never>) {
  const mailerFor = createMailers({
    ...{ db: latent.rig.db, secrets: databaseSecrets(latent.rig.db, RIG_KEY), isHosted: false },
    now: Date.now,
    mail: { smtpUrl: `smtp://127.0.0.1:${mails.port}`, from: "ci@example.org" },
  });
  return {
    ...{ db: latent.rig.db, actor: "jobs 1", publicUrl: "https://ci.example.org", mailerFor },
    ...{ announce() {}, alarm() {}, log() {} },
    insist: <T>(_what: string, work: () => Promise<T>) => (died as Promise<T>) ?? work(),
  };
}

/** One pass of a `jobs` process: deadlines, then what they ask for. */
async function pass() {
  latent.rig.notices.clear();
  await latent.rig.deadlines();
  for (const id of latent.rig.notices) await tellNotice(telling(), id, HOST);
}

async function fails(message: string) {
  latent.cloud.refuse("start", new DriverError("no-capacity", message));
  const request = await latent.rig.force(builder);
  await rows("update worker set quarantined_until = null");
  expect(await latent.claim(jobs, request, builder, worker)).toBe(true);
  await until(async () => {
    await jobs.fleet.see(worker);
    return (await latent.row(worker)).state === "insubstantiated";
  });
  await rows("update build_request set state = 'cancelled' where state = 'pending'");
}

test("each failed start is told, at most once an hour, with how often it failed (W-076)", async () => {
  await fails("the zone is full");
  await pass();
  expect(mails.mails).toHaveLength(1);
  const [mail] = mails.mails;
  expect(mail?.to).toEqual(["ops@example.org"]);
  expect(header(mail?.raw ?? "", "subject")).toEqual(["Buildbot worker vm missing"]);
  expect(words(0)).toContain("never connected: its machine could not be started: the zone is");
  for (const message of ["still full", "full again", "full for ever"]) await fails(message);
  await pass();
  expect(mails.mails).toHaveLength(1);
  await timePasses(1);
  await pass();
  expect(mails.mails).toHaveLength(2);
  expect(words(1)).toContain("3 times, from");
  expect(words(1)).toContain("full for ever");
  await timePasses(2);
  await pass();
  expect(mails.mails).toHaveLength(2);
  expect(await rows("select from deadline where kind = 'notice'")).toEqual([]);
});

test("without addresses nobody is told, and nothing is written", async () => {
  await rows("update worker set config = '{}'");
  await fails("the zone is full");
  await pass();
  expect(mails.mails).toEqual([]);
  expect(await rows("select from notice")).toEqual([]);
});

test("a limit that keeps requests waiting is told the owners, once a day", async () => {
  await rows(`with u as (insert into user_account (id, email, name) values (501, 'owner@example.org', 'O'), (502, 'dev@example.org', 'D') returning id)
    insert into membership (org_id, user_id, role) select 1, id, case id when 501 then 'owner' else 'developer' end from u`);
  await rows(
    "insert into instance_policy (org_id, max_instances, changed_by) values (1, 0, 'ada')",
  );
  await latent.rig.force(builder);
  for (let n = 0; n < 3; n += 1) await latent.distribute(jobs);
  await pass();
  expect(mails.mails.map(({ to }) => to)).toEqual([["owner@example.org"]]);
  expect(words(0)).toContain("The organisation may have no machines");
  expect(words(0)).toContain("/main/instances/limits");
  await timePasses(25);
  await rows("update instance_policy set notify = '{money@example.org}'");
  await latent.distribute(jobs);
  await pass();
  expect(mails.mails.map(({ to }) => to[0])).toEqual(["owner@example.org", "money@example.org"]);
});

test("machines that cannot be stopped are told after a quarter of an hour, once a day, with the provider's words", async () => {
  await rows(
    "insert into instance_policy (org_id, notify, changed_by) values (1, '{money@example.org}', 'ada')",
  );
  const request = await latent.rig.force(builder);
  expect(await latent.claim(jobs, request, builder, worker)).toBe(true);
  latent.cloud.refuse("stop", new DriverError("provider-down", "500 internal error"), 10);
  await until(async () => {
    await jobs.fleet.see(worker);
    return (await latent.instances())[0]?.stop_tries === 1;
  });
  await pass();
  expect(mails.mails).toEqual([]);
  await rows("update instance set stopping_at = now() - interval '16 minutes'");
  const overdue = () => rows("select overdue_stops(900)::int as count");
  expect(await overdue()).toEqual([{ count: 1 }]);
  for (let n = 0; n < 3; n += 1) await pass();
  expect(mails.mails).toHaveLength(1);
  expect(words(0)).toMatch(/bb-1nst-main-vm-\w+-1: 500 internal error/);
  await timePasses(25);
  await pass();
  expect(mails.mails).toHaveLength(2);
});

test("refused mails are tried again under one id; one whose sender died is sent again, no more", async () => {
  await fails("the zone is full");
  mails.refuse = () => ({ code: 451, text: "later" });
  await pass();
  expect(mails.mails).toEqual([]);
  mails.refuse = () => null;
  await timePasses();
  latent.rig.notices.clear();
  await latent.rig.deadlines();
  const [id] = [...latent.rig.notices];
  // It is sent, and whoever sent it never writes that down.
  void tellNotice(telling(new Promise<never>(() => {})), id as number, HOST);
  await until(() => mails.mails.length === 1);
  await pass();
  expect(mails.mails).toHaveLength(1);
  await timePasses();
  await pass();
  expect(mails.mails).toHaveLength(2);
  expect(header(mails.mails[0]?.raw ?? "", "message-id")).toEqual(
    header(mails.mails[1]?.raw ?? "", "message-id"),
  );
  await timePasses();
  await pass();
  expect(mails.mails).toHaveLength(2);
});
