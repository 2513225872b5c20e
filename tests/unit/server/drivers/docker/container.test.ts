// Guarantee: settings of a container's host come to the engine in its names and units, and a command
// that is one text in its words.
import { expect, test } from "vitest";
import { dockerfileArchive } from "../../../../../server/drivers/docker/archive";
import { driverError, EngineRefusal } from "../../../../../server/drivers/docker/errors";
import { hostConfigOf } from "../../../../../server/drivers/docker/host-config";
import { Lines, LogFrames } from "../../../../../server/drivers/docker/log-frames";
import { splitCommand } from "../../../../../server/drivers/docker/split-command";

test("names of the Python client and of the engine", () => {
  const hostconfig = {
    ...{ mem_limit: "512m", memswap_limit: -1, shm_size: "1.5g", Memory: undefined as never },
    ...{ network_mode: "host", nano_cpus: 500_000_000, CapDrop: ["ALL"], binds: ["/etc:/etc"] },
    ...{ extra_hosts: { registry: "10.0.0.7" }, tmpfs: ["/tmp:size=1g", "/run"] },
    ...{
      devices: ["/dev/kvm", "/dev/a:/dev/b:r"],
      ulimits: [{ name: "nofile", soft: 5, hard: 6 }],
    },
    ...{
      log_config: { type: "local", config: { "max-size": "1m" } },
      port_bindings: { "80": 8080 },
    },
  };
  const { Memory: _, ...written } = hostconfig;
  expect(hostConfigOf({ hostconfig: written, volumes: ["/a:/b:ro"] })).toEqual({
    Init: true,
    Memory: 512 * 1024 * 1024,
    MemorySwap: -1,
    ShmSize: 1.5 * 1024 ** 3,
    NetworkMode: "host",
    NanoCpus: 500_000_000,
    CapDrop: ["ALL"],
    ExtraHosts: ["registry:10.0.0.7"],
    Tmpfs: { "/tmp": "size=1g", "/run": "" },
    Devices: [
      { PathOnHost: "/dev/kvm", PathInContainer: "/dev/kvm", CgroupPermissions: "rwm" },
      { PathOnHost: "/dev/a", PathInContainer: "/dev/b", CgroupPermissions: "r" },
    ],
    Ulimits: [{ Name: "nofile", Soft: 5, Hard: 6 }],
    LogConfig: { Type: "local", Config: { "max-size": "1m" } },
    PortBindings: { "80/tcp": [{ HostPort: "8080" }] },
    Binds: ["/a:/b:ro"],
  });
  expect(hostConfigOf({ hostconfig: { init: false }, volumes: [] })).toEqual({
    Init: false,
    Binds: [],
  });
  const endless = `${"9".repeat(400)}g`;
  expect(() => hostConfigOf({ hostconfig: { mem_limit: endless }, volumes: [] })).toThrow(
    /mem_limit/,
  );
  expect(() => hostConfigOf({ hostconfig: { mem_limit: "much" }, volumes: [] })).toThrow(
    /mem_limit/,
  );
});

test.each([
  ["", []],
  ["sh -c 'echo a b'", ["sh", "-c", "echo a b"]],
  ['run "a \\"b\\" $c" d\\ e', ["run", 'a "b" $c', "d e"]],
  ["a''b \"\"", ["ab", ""]],
  ["  two\n words ", ["two", "words"]],
])("%s", (text, words) => {
  expect(splitCommand(text)).toEqual(words);
});

test("what a container prints is put together from frames, however they arrive", () => {
  const frame = (text: string, stream = 1) => {
    const bytes = Buffer.from(text);
    const head = Buffer.from([stream, 0, 0, 0, 0, 0, 0, bytes.length]);
    return Buffer.concat([head, bytes]);
  };
  const all = Buffer.concat([frame("one\ntw"), frame(""), frame("o\r\n", 2), frame("thrée")]);
  for (const size of [1, 3, 7, all.length]) {
    const frames = new LogFrames();
    const lines = new Lines();
    const found: string[] = [];
    for (let at = 0; at < all.length; at += size) {
      found.push(...lines.push(frames.push(all.subarray(at, at + size))));
    }
    expect([...found, ...lines.end()]).toEqual(["one", "two", "thrée"]);
  }
  // With a terminal there are none.
  expect(String(new LogFrames().push(Buffer.from("hello, world\n")))).toBe("hello, world\n");
  const huge = Buffer.from([1, 0, 0, 0, 0x7f, 0, 0, 0, 1]);
  expect(() => new LogFrames().push(huge)).toThrow(RangeError);
  expect(new Lines(5).push(Buffer.from("longer than that\n"))).toEqual(["longe"]);
});

test("a frame and a line cost what they are long, however small the pieces are in which they come", () => {
  const size = 1024 * 1024;
  const [frames, lines] = [new LogFrames(), new Lines(2 * size)];
  const head = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]);
  head.writeUInt32BE(size, 4);
  const [one, found] = [Buffer.from("x"), [] as string[]];
  found.push(...lines.push(frames.push(head)));
  for (let at = 0; at < size; at += 1) {
    found.push(...lines.push(frames.push(one)));
    found.push(...lines.push(one));
  }
  expect([...found, ...lines.end()].map(({ length }) => length)).toEqual([2 * size]);
});

test("the same Dockerfile is the same archive, in whole blocks", () => {
  const archive = dockerfileArchive("FROM tiny\n".repeat(200));
  expect(archive.length % 512).toBe(0);
  expect(archive.equals(dockerfileArchive("FROM tiny\n".repeat(200)))).toBe(true);
  expect(archive.toString("latin1", 0, 10)).toBe("Dockerfile");
});

test("what an engine refuses with is understood at once, however much it is", () => {
  for (const words of ["lookup ", "operating system ", "manifest ", "platform"]) {
    const endless = new EngineRefusal(500, words.repeat(1_000_000 / words.length));
    expect(driverError("it", endless).message.length).toBeLessThan(3_000);
  }
  const last = new EngineRefusal(500, `${"layer\n".repeat(100_000)}no space left on device`);
  expect(driverError("it", last)).toMatchObject({ code: "no-capacity" });
});
