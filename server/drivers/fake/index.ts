/**
 * A provider in memory that does as it is told: slow, full, forgetful, dishonest. For tests of the
 * life cycle; see README.md.
 *
 *     const cloud = new FakeCloud();
 *     cloud.refuse("start", new DriverError("quota", "20 of 20 machines"));
 *     const driver = fakeDriver(cloud).open({ image: "debian" });
 *
 * It is strict: what a real provider would answer with confusion is a fault of the caller here, kept
 * in `faults` for the test to look at.
 */
import type { LatentDriver, LatentDriverKind } from "../contract";
import { DriverError } from "../contract";
import type { FakeCloud } from "./cloud";
import { type FakeConfig, fakeConfigSchema } from "./schema";

export * from "./cloud";
export { type FakeConfig, fakeConfigSchema } from "./schema";

export function fakeDriver(cloud: FakeCloud): LatentDriverKind<FakeConfig> {
  return {
    kind: "fake",
    schema: fakeConfigSchema,
    billing: "free",
    buildWaitSeconds: 0,
    listingLagSeconds: 0,
    open: (config) => openFake(cloud, config),
  };
}

function openFake(cloud: FakeCloud, config: FakeConfig): LatentDriver {
  return {
    async start(order, signal) {
      await cloud.called("start", order.key, signal);
      if (config.image === "missing") {
        throw new DriverError("bad-configuration", "image missing is not on the host");
      }
      const handle = cloud.make(order, config);
      await cloud.answering("start", order.key, signal);
      return handle;
    },
    async inspect(handle, signal) {
      await cloud.called("inspect", handle.key, signal);
      const report = cloud.report(handle);
      await cloud.answering("inspect", handle.key, signal);
      return report;
    },
    async stop(handle, _how, signal) {
      await cloud.called("stop", handle.key, signal);
      cloud.remove(handle);
      await cloud.answering("stop", handle.key, signal);
    },
    async list(owner, signal) {
      await cloud.called("list", owner.installation, signal);
      const handles = cloud.list(owner);
      await cloud.answering("list", owner.installation, signal);
      return handles;
    },
  };
}
