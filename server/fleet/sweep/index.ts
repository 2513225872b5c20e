/**
 * The sweep: whatever a provider has of ours and nobody here owns is stopped, whatever we think we have
 * and the provider does not is looked at. However many processes do it, each account is swept once at a
 * time.
 */
import { mergeCalls } from "../../events/merge-calls";
import type { LatentContext, LatentFleet } from "../latent/context";
import { type HeldAccount, letGo, SWEEP_SECONDS, takeAccounts } from "./account-store";
import { discover } from "./accounts";
import { sweepAccount } from "./sweep-account";

export { SWEEP_SECONDS } from "./account-store";
export { accountOf } from "./accounts";

export interface AccountSweep {
  /** Accounts may have been added: they are looked for at the next `tick`. */
  changed(): void;
  /**
   * Sweeps the accounts whose turn has come. Settles when all were swept, which takes as long as their
   * providers need; never rejects.
   */
  tick(): Promise<void>;
}

export function createAccountSweep(
  context: LatentContext,
  fleet: LatentFleet,
  now: () => number,
): AccountSweep {
  const { db, kinds, processId, insist, log } = context;
  let discoverAt = 0;
  const take = mergeCalls(
    async () => {
      if (discoverAt <= now()) {
        discoverAt = now() + SWEEP_SECONDS * 1_000;
        await discover(db, kinds);
      }
      for (const account of await takeAccounts(db, processId)) {
        const run = sweep(account);
        running.add(run);
        void run.catch(() => {}).then(() => running.delete(run));
      }
    },
    (error) => {
      discoverAt = 0;
      log("accounts left for the next sweep", { error });
    },
  );
  const running = new Set<Promise<void>>();
  async function sweep(account: HeldAccount): Promise<void> {
    try {
      if (await sweepAccount(context, fleet, account)) await take();
    } catch (error) {
      log("an account was not swept", { account: account.title, error });
      await insist("an account let go", () => letGo(db, account));
    }
  }
  return {
    changed() {
      discoverAt = 0;
    },
    async tick() {
      await take();
      // Each may have another one behind it.
      while (running.size > 0) await Promise.allSettled(running);
    },
  };
}
