/**
 * The sweep of a whole installation, as whoever operates it has it: asked for on a page, and told there.
 *
 *     const slipway = await startSlipway({ env: OPERATOR_ENV });
 *     const operator = await operate(slipway);
 *     await operator.sweep("unix:///…");
 */
import { setTimeout } from "node:timers/promises";
import type { AccountRow } from "../../server/api/instances/accounts";
import type { InstancesPage } from "../../server/api/instances/list";
import type { SweepRow } from "../../server/api/instances/sweeps";
import { SWEEP_SECONDS } from "../../server/fleet/sweep";
import { signIn } from "./browser-calls";
import { installationTagIn } from "./installation-tag";
import type { SlipwayInstance } from "./slipway-instance";

const PERSON = { email: "ops@example.org", password: "a long enough password 1" };
export const OPERATOR_ENV = {
  SLIPWAY_ADMIN_EMAIL: PERSON.email,
  SLIPWAY_ADMIN_PASSWORD: PERSON.password,
};

/** The database keeps no more than milliseconds. */
const ROUNDED_MS = 2;

export interface Operator {
  /** On every machine of this installation. */
  readonly tag: string;
  /**
   * Sweeps the account whose title holds these words, which is not swept by itself in the 45 seconds
   * after that.
   */
  sweep(account: string): Promise<SweepRow>;
  /** The provider's list beside ours. */
  account(words: string): Promise<AccountRow>;
  /** Machines, newest first. */
  machines(): Promise<InstancesPage["instances"]>;
  stop(instanceId: number, reason: string): Promise<void>;
}

export async function operate(slipway: SlipwayInstance): Promise<Operator> {
  const page = await signIn(slipway.url, PERSON);
  const org = { org: slipway.org };
  const accountOf = async (words: string): Promise<AccountRow> => {
    for (;;) {
      const { accounts } = await page.query<{ accounts: AccountRow[] }>("instances.accounts", org);
      const found = accounts.find(({ title }) => title.includes(words));
      if (found) return found;
      await setTimeout(50);
    }
  };
  const reports = async (accountId: number) => {
    const input = { ...org, accountId };
    return (await page.query<{ sweeps: SweepRow[] }>("instances.sweeps", input)).sweeps;
  };
  return {
    account: accountOf,
    tag: await installationTagIn(slipway.databaseUrl),
    async sweep(words) {
      const { id: accountId } = await accountOf(words);
      const asked = Date.now();
      await page.mutate("instances.sweepNow", { ...org, accountId });
      for (;;) {
        // When it is swept next is put off when a sweep begins. One that was under way is another.
        const { nextAt } = await accountOf(words);
        const began = (nextAt ?? 0) - SWEEP_SECONDS * 1_000;
        const [newest] = await reports(accountId);
        if (newest && began >= asked - ROUNDED_MS && newest.at >= began - ROUNDED_MS) return newest;
        await setTimeout(50);
      }
    },
    stop: (instanceId, reason) => page.mutate("instances.stop", { ...org, instanceId, reason }),
    async machines() {
      const found = await page.query<InstancesPage>("instances.list", org);
      return found.instances;
    },
  };
}
