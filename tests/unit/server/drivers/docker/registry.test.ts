// Guarantee: credentials go to the registry that they are for and to no other, in a form that engines
// read; and of a pull as many lines are said as a person reads, whatever the engine says.
import { expect, test } from "vitest";
import { followProgress } from "../../../../../server/drivers/docker/progress";
import { buildAccess, pullAccess } from "../../../../../server/drivers/docker/registry";
import { registryNamed, registryOf } from "../../../../../server/drivers/docker/registry-schema";
import { dockerProblems, dockerWarnings } from "../../../../../server/drivers/docker/schema";

test.each([
  ["busybox", "docker.io"],
  ["busybox:1", "docker.io"],
  ["team/app", "docker.io"],
  ["docker.io/library/busybox", "docker.io"],
  ["index.docker.io/team/app:1", "docker.io"],
  ["localhost/app", "localhost"],
  ["Registry.Example.org/app@sha256:aa", "registry.example.org"],
  ["registry:5000/team/app", "registry:5000"],
])("%s is looked for at %s", (image, registry) => {
  expect(registryOf(image)).toBe(registry);
});

test.each([
  ["https://index.docker.io/v1/", "docker.io"],
  ["registry.example.org:5000", "registry.example.org:5000"],
  ["http://images.example.org/", "images.example.org"],
  ["registry.example.org/team", null],
  ["user@registry.example.org", null],
  ["%(prop:registry)s", null],
  ["", null],
])("the registry %j is %s", (text, registry) => {
  expect(registryNamed(text)).toBe(registry);
});

const auth = { username: "puller", password: "kühl~?>?~ÿþ" };
const read = (encoded: { base64: string } | undefined) => {
  if (encoded === undefined) return undefined;
  expect(encoded.base64).toMatch(/^[A-Za-z0-9_-]*={0,2}$/);
  expect(encoded.base64.length % 4).toBe(0);
  return JSON.parse(Buffer.from(encoded.base64, "base64url").toString()) as unknown;
};

test("credentials are for the registry of the image, or for the one that is named", () => {
  const image = "registry.example.org/app:1";
  const own = { image, registry_auth: auth };
  const sent = { ...auth, serveraddress: "registry.example.org" };
  expect(read(pullAccess(own, image))).toEqual(sent);
  expect(read(buildAccess(own))).toEqual({ "registry.example.org": sent });
  const other = { image, registry_auth: { ...auth, serveraddress: "other.example.org" } };
  expect(pullAccess(other, image)).toBeUndefined();
  expect(pullAccess({ image }, image)).toBeUndefined();
  const hub = { image: "team/app", registry_auth: auth };
  const address = "https://index.docker.io/v1/";
  expect(read(pullAccess(hub, "team/app"))).toEqual({ ...auth, serveraddress: address });
  expect(read(buildAccess(hub))).toEqual({ [address]: { ...auth, serveraddress: address } });
});

test("who chooses the image does not choose who gets the password", () => {
  const problems = (options: object) => dockerProblems({ registry_auth: auth, ...options });
  const needs = [{ path: ["registry_auth"], message: expect.stringMatching(/serveraddress/) }];
  expect(problems({ image: "%(prop:registry)s/app" })).toEqual(needs);
  expect(problems({ image: { type: "Interpolate", fmt: "a" } })).toEqual(needs);
  expect(problems({ image: null, dockerfile: "FROM a" })).toEqual(needs);
  expect(problems({ image: "app" })).toEqual([]);
  const named = { registry_auth: { ...auth, serveraddress: "registry.example.org" } };
  expect(problems({ image: "%(prop:registry)s/app", ...named })).toEqual([]);
});

test("credentials that nothing is pulled with are worth a word", () => {
  const warned = (options: object) =>
    dockerWarnings({ docker_host: "tcp://h:1", tls: {}, registry_auth: auth, ...options });
  expect(warned({ image: "a" })).toEqual([
    { path: ["registry_auth"], message: expect.stringContaining("autopull") },
  ]);
  expect(warned({ image: "a", autopull: true })).toEqual([]);
  expect(warned({ image: "a", dockerfile: "FROM b" })).toEqual([]);
});

async function lines(said: readonly object[], msBetween = 0): Promise<string[]> {
  let now = 0;
  const told: string[] = [];
  const stream = async function* () {
    for (const each of said) {
      yield Buffer.from(`${JSON.stringify(each)}\r\n`);
      now += msBetween;
    }
  };
  await followProgress(
    stream(),
    (line) => told.push(line),
    () => now,
  );
  return told;
}

const downloading = (id: string, current: number, total = 80_000_000) => ({
  ...{ status: "Downloading", id, progressDetail: { current, total } },
});

test("how far a download is is said now and then, for all layers, also where it comes in numbers alone", async () => {
  const many = Array.from({ length: 1_000 }, (_, index) => [
    { ...downloading("aa", index * 80_000), progress: "[==>   ]" },
    downloading("bb", index * 20_000, 20_000_000),
  ]).flat();
  const said = await lines(
    [{ status: "Pulling fs layer", id: "aa", progressDetail: {} }, ...many],
    10,
  );
  expect(said[0]).toBe("aa: Pulling fs layer");
  expect(said.slice(1)).toHaveLength(4);
  expect(said[2]).toBe("Downloading: 49.9 of 100.0 MB in 2 layers");
});

test("of a countdown its beginning is said, and of each", async () => {
  const count = (id: string) =>
    [3, 2, 1].map((left) => ({ id, status: `Retrying in ${left} second${left > 1 ? "s" : ""}` }));
  const again = { id: "aa", status: "Pulling fs layer" };
  expect(await lines([...count("aa"), ...count("bb"), again, ...count("aa")])).toEqual([
    "aa: Retrying in 3 seconds",
    "bb: Retrying in 3 seconds",
    "aa: Pulling fs layer",
    "aa: Retrying in 3 seconds",
  ]);
});

test("that it failed is an error, old and new", async () => {
  const errorDetail = { message: "no space left" };
  await expect(lines([{ errorDetail }])).rejects.toThrow("no space left");
  await expect(lines([{ error: "no space left", errorDetail }])).rejects.toThrow("no space left");
  await expect(lines([{ error: "old" }])).rejects.toThrow("old");
});

test("an engine that names layers without end is not remembered without end", async () => {
  async function* endless() {
    for (let n = 0; n < 3_000; n += 1) {
      const line = { status: "Downloading", progressDetail: { current: 1, total: 2 }, id: `l${n}` };
      yield Buffer.from(`${JSON.stringify(line)}\n`);
    }
  }
  const said: string[] = [];
  let now = 0;
  await followProgress(
    endless(),
    (line) => said.push(line),
    () => (now += 10),
  );
  expect(said.length).toBeGreaterThan(0);
  for (const line of said)
    expect(Number(/in (\d+) layers/.exec(line)?.[1])).toBeLessThanOrEqual(1_000);
});
