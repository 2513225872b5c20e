/**
 * What the fleet relies on in every latent driver, run against each. The subject brings an account at
 * its provider, real or honestly imitated.
 */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  type AgentLogin,
  DriverError,
  type InstanceHandle,
  instanceTagSchema,
  type LatentDriver,
  type StartOrder,
} from "../../../server/drivers/contract";

export interface DriverSubject {
  readonly driver: LatentDriver;
  /** Another program's view of the same account, as after a restart of ours. */
  reopened(): LatentDriver;
  /** A driver of the same kind whose every start can never succeed. */
  readonly hopeless: LatentDriver;
  /** How its machines log in; nobody need listen there. */
  readonly agent?: Partial<AgentLogin>;
  /** How many machines the provider itself sees. */
  count(): Promise<number> | number;
  /** A machine dies without a word to us. */
  kill(handle: InstanceHandle): Promise<void> | void;
  close(): Promise<void> | void;
}

const SIGNAL = new AbortController().signal;

export function driverConformance(open: () => Promise<DriverSubject> | DriverSubject): void {
  let subject: DriverSubject;
  let installation: string;
  beforeEach(async () => {
    subject = await open();
    installation = randomBytes(4).toString("hex");
  });
  afterEach(async () => {
    for (const handle of await subject.driver.list({ installation }, SIGNAL)) {
      await subject.driver.stop(handle, "now", SIGNAL);
    }
    await subject.close();
  });

  const order = (worker = 1, generation = 1): StartOrder => ({
    key: `bb-${installation}-main-w${worker}-${generation}`,
    tag: { installation, organization: 1, worker, generation },
    agent: {
      ...{ host: "127.0.0.1", port: 9, protocol: "pb", name: `w${worker}` },
      ...{ password: "correct horse", ...subject.agent },
    },
  });
  const keys = async (driver = subject.driver) =>
    (await driver.list({ installation }, SIGNAL)).map(({ key }) => key).sort();

  async function until(handle: InstanceHandle, state: string) {
    for (;;) {
      const report = await subject.driver.inspect(handle, SIGNAL);
      if (report.state === state) return report;
      await sleep(20);
    }
  }

  test("a machine is made, seen, found by its tag, and taken away", async () => {
    const before = await subject.count();
    const made = await subject.driver.start(order(), SIGNAL);
    expect(made).toMatchObject({ key: order().key, tag: order().tag });
    expect((await until(made, "running")).why).not.toBe("");
    expect(await subject.count()).toBe(before + 1);
    expect(await keys()).toEqual([order().key]);
    await subject.driver.stop(made, "now", SIGNAL);
    await until(made, "gone");
    expect(await keys()).toEqual([]);
    expect(await subject.count()).toBe(before);
  });

  test("a handle survives being stored as JSON, and its tag is parsed again", async () => {
    const made = await subject.driver.start(order(), SIGNAL);
    const stored = JSON.parse(JSON.stringify(made)) as InstanceHandle;
    expect(instanceTagSchema.parse(stored.tag)).toEqual(order().tag);
    await until(stored, "running");
    await subject.driver.stop(stored, "graceful", SIGNAL);
    await until(stored, "gone");
  });

  test("the same key is the same machine, whoever orders it and however often", async () => {
    const [first, second] = await Promise.all([
      subject.driver.start(order(), SIGNAL),
      subject.driver.start(order(2), SIGNAL),
    ]);
    const again = await subject.reopened().start(order(), SIGNAL);
    expect(again.ref).toEqual(first.ref);
    expect(again.ref).not.toEqual(second.ref);
    expect(await subject.count()).toBe(2);
  });

  test("another program finds it by its key alone, sees it and takes it away", async () => {
    await subject.driver.start(order(), SIGNAL);
    const other = subject.reopened();
    const byKey: InstanceHandle = { key: order().key, tag: order().tag, ref: null, madeAt: null };
    expect(await keys(other)).toEqual([order().key]);
    expect((await other.inspect(byKey, SIGNAL)).state).not.toBe("gone");
    await other.stop(byKey, "now", SIGNAL);
    await until(byKey, "gone");
    expect(await keys(other)).toEqual([]);
  });

  test("what is gone is gone: stopped twice, never made, dead by itself", async () => {
    const made = await subject.driver.start(order(), SIGNAL);
    await subject.driver.stop(made, "now", SIGNAL);
    await subject.driver.stop(made, "now", SIGNAL);
    const never = { key: order(3).key, tag: order(3).tag, ref: null, madeAt: null };
    await subject.driver.stop(never, "graceful", SIGNAL);
    expect((await subject.driver.inspect(never, SIGNAL)).state).toBe("gone");
    const dying = await subject.driver.start(order(4), SIGNAL);
    await until(dying, "running");
    await subject.kill(dying);
    for (;;) {
      const { state } = await subject.driver.inspect(dying, SIGNAL);
      if (state === "gone" || state === "broken") break;
      await sleep(20);
    }
    await subject.driver.stop(dying, "now", SIGNAL);
    expect(await keys()).toEqual([]);
  });

  test("one installation does not see another's machines", async () => {
    await subject.driver.start(order(), SIGNAL);
    expect(await subject.driver.list({ installation: "another" }, SIGNAL)).toEqual([]);
  });

  test("what can never succeed says so, and leaves nothing", async () => {
    const before = await subject.count();
    const failed = await subject.hopeless.start(order(), SIGNAL).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(DriverError);
    expect(failed).toMatchObject({ code: "bad-configuration" });
    expect((failed as Error).message).not.toContain("correct horse");
    expect(await subject.count()).toBe(before);
  });

  test("a caller that has given up is not served", async () => {
    const gone = AbortSignal.abort(new Error("given up"));
    await expect(subject.driver.start(order(), gone)).rejects.toThrow("given up");
    expect(await keys()).toEqual([]);
  });
}
