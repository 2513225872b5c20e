/**
 * A provider in memory that does as it is told: slow, full, forgetful, dishonest. For tests of the
 * life cycle; see README.md.
 *
 *     const cloud = new FakeCloud();
 *     cloud.refuse("start", new DriverError("quota", "20 of 20 machines"));
 *     const driver = fakeDriver(cloud).open({ image: "debian" }, UNHEARD);
 *
 * It is strict: what a real provider would answer with confusion is a fault of the caller here, kept
 * in `faults` for the test to look at.
 */
import type { LatentDriver, LatentDriverKind, Surroundings } from "../contract";
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
    accountOptions: ["account"],
    listingLagSeconds: 0,
    open: (config, surroundings) => openFake(cloud, config, surroundings),
  };
}

function openFake(
  cloud: FakeCloud,
  config: FakeConfig,
  { note, ended }: Surroundings,
): LatentDriver {
  return {
    start: (order, signal) =>
      cloud.call("start", order.key, signal, () => {
        if (config.image === "missing") {
          throw new DriverError("bad-configuration", "image missing is not on the host");
        }
        note(`image ${config.image} is fetched`);
        note(`image ${config.image} boots`, "machine");
        cloud.listen(order.key, ended);
        return cloud.make(order, config);
      }),
    inspect: (handle, signal) =>
      cloud.call("inspect", handle.key, signal, () => {
        cloud.listen(handle.key, ended);
        return cloud.report(handle);
      }),
    printed: async (handle) => cloud.printed(handle),
    stop: (handle, _how, signal) =>
      cloud.call("stop", handle.key, signal, () => cloud.remove(handle)),
    list: (owner, signal, tell) =>
      cloud.call("list", owner.installation, signal, () => {
        for (const found of cloud.unclear) tell?.(found);
        return cloud.list(owner);
      }),
  };
}
