// Guarantee: what a driver says, in a report, a line or an error of whatever kind, holds no secret that its
// options name: not whole, not a line of it, not because it is part of another one.
import { expect, test } from "vitest";
import { z } from "zod";
import type { OrgId } from "../../../../../server/domain/ids";
import { DriverError, type LatentDriverKind } from "../../../../../server/drivers/contract";
import { openDriver } from "../../../../../server/fleet";

const SECRETS = new Map([
  ["token", "hunter2hunter2"],
  ["longer", "hunter2hunter2-and-more"],
  ["pem", "-----BEGIN KEY-----\nMIIEvQIBADANBg\n-----END KEY-----\n"],
]);
const HIDDEN = ["hunter2hunter2", "and-more", "MIIEvQIBADANBg"];

/** A driver that tells all that it knows, wherever it can. */
function talkative(fault: (words: string) => Error): LatentDriverKind<string[]> {
  return {
    ...{
      kind: "talkative",
      schema: z.object({ all: z.array(z.string()) }).transform(({ all }) => all),
    },
    ...{ billing: "free", listingLagSeconds: 0 },
    open(all, { note }) {
      const words = `given ${all.join(" ")} and ${all[2]?.split("\n")[1]}`;
      note(words);
      return {
        start: () => Promise.reject(fault(words)),
        inspect: async () => ({ state: "broken", why: words }),
        stop: () => Promise.reject(fault(words)),
        list: () => Promise.reject(fault(words)),
        probes: [{ covers: ["reach"], look: async () => words }],
      };
    },
  };
}

test.each([
  ["an error of a driver", (words: string) => new DriverError("provider-down", words)],
  ["a fault", (words: string) => new TypeError(words)],
])("%s", async (_, fault) => {
  const noted: string[] = [];
  const access = {
    kinds: new Map([["T", talkative(fault) as LatentDriverKind]]),
    reveal: async () => SECRETS,
  };
  const config = { all: ["%(secret:token)s", "%(secret:longer)s", "%(secret:pem)s"] };
  const opening = { orgId: 1 as OrgId, kind: "T", config };
  const driver = await openDriver(access, opening, { note: (line) => noted.push(line) });
  const { signal } = new AbortController();
  const tag = { installation: "i", organization: 1, worker: 1, generation: 1 };
  const handle = { key: "k", tag, ref: null, madeAt: null };
  const said = (work: Promise<unknown>) => work.then(JSON.stringify, (error) => `${error.stack}`);
  const all = [
    ...noted,
    await said(driver.inspect(handle, signal)),
    await said(driver.stop(handle, "now", signal)),
    await said(driver.list(tag, signal)),
    await said(driver.probes?.[0]?.look(signal) as Promise<string>),
  ];
  expect(all).toHaveLength(5);
  for (const words of all) {
    expect(words).toContain("given <token> <longer> <pem>");
    for (const secret of HIDDEN) expect(words).not.toContain(secret);
  }
});

test("the reason of a signal that fired is left as it is", async () => {
  const reason = new Error("nobody waits any more");
  const access = {
    kinds: new Map([["T", talkative(() => reason) as LatentDriverKind]]),
    reveal: async () => SECRETS,
  };
  const config = { all: ["%(secret:token)s", "b", "c"] };
  const driver = await openDriver(access, { orgId: 1 as OrgId, kind: "T", config });
  await expect(driver.list({ installation: "i" }, new AbortController().signal)).rejects.toBe(
    reason,
  );
});
