// Guarantee: the fake driver keeps the contract of latent drivers, so that what the life cycle does
// with it holds for the others; and its machines misbehave exactly as told.
import { describe, expect, test } from "vitest";
import { DriverError, UNHEARD } from "../../../server/drivers/contract";
import { FakeCloud, fakeDriver } from "../../../server/drivers/fake";
import { driverConformance } from "./suite";

describe("fake driver", () => {
  driverConformance(() => {
    const cloud = new FakeCloud();
    const kind = fakeDriver(cloud);
    return {
      driver: kind.open({ image: "debian" }, UNHEARD),
      reopened: () => kind.open({ image: "debian" }, UNHEARD),
      hopeless: kind.open({ image: "missing" }, UNHEARD),
      count: () => cloud.alive.length,
      kill(handle) {
        const machine = cloud.machines.find(({ order }) => order.key === handle.key);
        if (machine) cloud.crash(machine, "kernel panic");
      },
      close() {
        expect(cloud.faults).toEqual([]);
      },
    };
  });

  const signal = new AbortController().signal;
  const ORDER = {
    key: "bb-1",
    tag: { installation: "x", organization: 1, worker: 1, generation: 1 },
    agent: { host: "h", port: 1, protocol: "pb", name: "w", password: "p" },
  } as const;

  test("refuses, loses answers, lags and lies on command, and only then", async () => {
    const cloud = new FakeCloud();
    const driver = fakeDriver(cloud).open({ image: "debian" }, UNHEARD);
    cloud.refuse("start", new DriverError("quota", "20 of 20"), 2);
    await expect(driver.start(ORDER, signal)).rejects.toMatchObject({ code: "quota" });
    await expect(driver.start(ORDER, signal)).rejects.toThrow("20 of 20");
    expect(cloud.machines).toEqual([]);
    cloud.loseAnswer("start", new DriverError("provider-down", "reset"));
    cloud.lags = true;
    await expect(driver.start(ORDER, signal)).rejects.toThrow("reset");
    expect(cloud.alive).toHaveLength(1);
    expect(await driver.list({ installation: "x" }, signal)).toEqual([]);
    const made = await driver.start(ORDER, signal);
    expect(cloud.machines).toHaveLength(1);
    cloud.lie = { state: "broken", why: "so I say" };
    expect(await driver.inspect(made, signal)).toEqual(cloud.lie);
    expect(cloud.faults).toEqual([]);
  });

  test("is slow until it is told, or until its caller gives up", async () => {
    const cloud = new FakeCloud();
    const driver = fakeDriver(cloud).open({ image: "debian" }, UNHEARD);
    let go = () => {};
    cloud.delayAnswer(
      "start",
      new Promise<void>((resolve) => {
        go = resolve;
      }),
    );
    const starting = driver.start(ORDER, signal);
    while (cloud.alive.length === 0) await Promise.resolve();
    await driver.stop({ ...ORDER, ref: null, madeAt: null }, "now", signal);
    expect(cloud.faults).toEqual(["stop of bb-1 while its start runs"]);
    go();
    await starting;
    const patience = new AbortController();
    cloud.stall("stop", new Promise(() => {}));
    const stopping = driver.stop({ ...ORDER, ref: null, madeAt: null }, "now", patience.signal);
    patience.abort(new Error("too slow"));
    await expect(stopping).rejects.toThrow("too slow");
  });

  test("notes what a caller must never do", async () => {
    const cloud = new FakeCloud();
    const driver = fakeDriver(cloud).open({ image: "debian" }, UNHEARD);
    const made = await driver.start(ORDER, signal);
    await driver.start({ ...ORDER, agent: { ...ORDER.agent, password: "other" } }, signal);
    await driver.start({ ...ORDER, key: "No_Name" }, signal);
    await driver.inspect({ ...made, tag: { ...made.tag, generation: 2 } }, signal);
    await driver.inspect({ ...made, ref: { id: 77 } }, signal);
    expect(cloud.faults).toHaveLength(4);
  });
});
