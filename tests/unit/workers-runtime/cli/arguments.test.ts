// Guarantee: the command line means what it means to buildbot-worker, and nonsense is refused in words.
import { describe, expect, it } from "vitest";
import {
  createArguments,
  runArguments,
  startArguments,
} from "../../../../workers-runtime/cli/arguments";
import { readEndpoint, type Whereabouts } from "../../../../workers-runtime/cli/endpoint";
import { UsageError } from "../../../../workers-runtime/cli/usage";

const FOUR = ["dir", "master.example:9990", "w1", "secret"];

describe("create-worker", () => {
  it("takes four arguments and has defaults for the rest", () => {
    expect(createArguments(FOUR)).toEqual({
      basedir: "dir",
      isForced: false,
      isQuiet: false,
      isRelocatable: false,
      settings: {
        ...{ master: "master.example:9990", name: "w1", password: "secret", useTls: false },
        ...{ protocol: "pb", path: null, proxyConnectionString: null },
        ...{ keepalive: 600, maxdelay: 300, maxretries: null, numcpus: null, umask: null },
        ...{ allowShutdown: null, deleteLeftoverDirs: false, logSize: 10_000_000, logCount: 10 },
        unicodeEncoding: null,
        ...{ keptOutput: 1024 ** 3, keptTime: 3_600, giveUpAfter: 0 },
      },
    });
  });

  it("takes every option", () => {
    const options =
      "--umask=0o22 -k 120 --maxdelay=10 --maxretries=3 --numcpus=2 -a signal --use-tls " +
      "--kept-output=5000 --kept-time=60 --give-up-after=900 --delete-leftover-dirs -s 5000 -l None -f -r -q --protocol=msgpack_experimental_v7 --path=/w " +
      "--proxy-connection-string=tcp:proxy:3128";
    expect(createArguments([...options.split(" "), ...FOUR])).toMatchObject({
      isForced: true,
      isQuiet: true,
      isRelocatable: true,
      settings: {
        ...{ umask: 0o22, keepalive: 120, maxdelay: 10, maxretries: 3, numcpus: 2, useTls: true },
        ...{ allowShutdown: "signal", deleteLeftoverDirs: true, logSize: 5000, logCount: null },
        ...{ keptOutput: 5000, keptTime: 60, giveUpAfter: 900 },
        ...{
          protocol: "msgpack_experimental_v7",
          path: "/w",
          proxyConnectionString: "tcp:proxy:3128",
        },
      },
    });
  });

  it.each([
    [FOUR.slice(1)],
    [[...FOUR, "fifth"]],
    [["dir", "http://master", "w1", "p"]],
    [["--keepalive=soon", ...FOUR]],
    [["--umask=rw", ...FOUR]],
    [["--umask=0o1000", ...FOUR]],
    [["--log-count=many", ...FOUR]],
    [["--log-size=None", ...FOUR]],
    [["--maxretries=-1", ...FOUR]],
    [["--allow-shutdown=maybe", ...FOUR]],
    [["--protocol=telnet", ...FOUR]],
    [["--proxy-connection-string=p", "--connection-string=TCP:h:1", ...FOUR]],
    [["--no-such-option", ...FOUR]],
  ])("refuses %j", (argv) => {
    expect(() => createArguments(argv)).toThrow(UsageError);
  });
});

it("run takes what is missing from the environment", () => {
  const login = { master: "m:1", name: "n", password: "p" };
  const defaults = { ...login, protocol: undefined, isOnDemand: false };
  expect(runArguments(["--basedir", "d"], defaults)).toMatchObject({
    basedir: "d",
    settings: { master: "m:1", name: "n", password: "p" },
  });
  const named = runArguments(["--basedir=d", "--master=x:2", "--name=y"], defaults);
  expect(named.settings).toMatchObject({ master: "x:2", name: "y", protocol: "pb" });
  const spoken = { ...defaults, protocol: "msgpack_experimental_v7" };
  expect(runArguments(["--basedir=d"], spoken).settings.protocol).toBe(spoken.protocol);
  expect(runArguments(["--basedir=d", "--protocol=pb"], spoken).settings.protocol).toBe("pb");
  expect(() => runArguments(["--basedir", "d"], { ...defaults, password: undefined })).toThrow(
    "SLIPWAY_WORKER_PASSWORD",
  );
});

it("run on a machine made on demand gives up one day, unless it is told otherwise", () => {
  const defaults = { master: "m:1", name: "n", password: "p", protocol: undefined };
  const giveUpAfter = (isOnDemand: boolean, ...more: string[]) =>
    runArguments(["--basedir=d", ...more], { ...defaults, isOnDemand }).settings.giveUpAfter;
  expect(giveUpAfter(true)).toBe(7_200);
  expect(giveUpAfter(true, "--give-up-after=900")).toBe(900);
  expect(giveUpAfter(true, "--give-up-after=0")).toBe(0);
  expect(giveUpAfter(false)).toBe(0);
});

it("start is for the directory given, or the one we are in", () => {
  expect(startArguments(["--nodaemon", "d"])).toMatchObject({ basedir: "d", inForeground: true });
  expect(startArguments([])).toMatchObject({ basedir: ".", inForeground: false });
  expect(() => startArguments(["a", "b"])).toThrow(UsageError);
});

const ANY: Omit<Whereabouts, "master"> = {
  ...{ protocol: "pb", useTls: false, path: null, proxyConnectionString: null },
};
const MSGPACK: typeof ANY = { ...ANY, protocol: "msgpack_experimental_v7" };
const PLAIN = {
  ...{ port: 9989, isTls: false, path: "/", proxy: null },
  ...{ trustRoots: null, certificate: null, privateKey: null },
};

it.each([
  ["host", ANY, { ...PLAIN, host: "host" }],
  ["host:1234", { ...ANY, useTls: true }, { ...PLAIN, host: "host", port: 1234, isTls: true }],
  ["[::1]:1234", ANY, { ...PLAIN, host: "::1", port: 1234 }],
  ["TCP:host:1", ANY, { ...PLAIN, host: "host", port: 1 }],
  [
    "TLS:host:1:trustRoots=/ca",
    MSGPACK,
    { ...PLAIN, host: "host", port: 1, isTls: true, trustRoots: "/ca" },
  ],
  [String.raw`tcp:\:\:1:2`, ANY, { ...PLAIN, host: "::1", port: 2 }],
  [String.raw`tcp:host=\:\:1:port=2:timeout=30`, ANY, { ...PLAIN, host: "::1", port: 2 }],
  [
    String.raw`ssl:host:caCertsDir=/c\:a:certificate=/c.pem:privateKey=/k.pem`,
    ANY,
    {
      ...{ ...PLAIN, host: "host", isTls: true, trustRoots: "/c:a" },
      ...{ certificate: "/c.pem", privateKey: "/k.pem" },
    },
  ],
  ["host:1", { ...MSGPACK, path: "/worker" }, { ...PLAIN, host: "host", port: 1, path: "/worker" }],
  ["ws://host/a?b", MSGPACK, { ...PLAIN, host: "host", port: 80, path: "/a?b" }],
  ["wss://[::1]:7/", MSGPACK, { ...PLAIN, host: "::1", port: 7, isTls: true }],
])("connects to %s", (master, where, endpoint) => {
  expect(readEndpoint({ ...where, master })).toEqual(endpoint);
});

it.each([
  ["tcp:proxy:3128", { host: "proxy", port: 3128, account: null }],
  ["proxy", { host: "proxy", port: 8080, account: null }],
  ["http://me:a%3Ab@proxy:3128", { host: "proxy", port: 3128, account: "me:a:b" }],
])("goes through the proxy %s", (proxyConnectionString, proxy) => {
  const where = { ...ANY, master: "host", proxyConnectionString };
  expect(readEndpoint(where).proxy).toEqual(proxy);
});

it.each([
  ["host:0", ANY],
  ["host:99999", ANY],
  ["a:b:c", ANY],
  ["tcp:h:1:2", ANY],
  ["tcp:h:1:colour=red", ANY],
  ["tls:h:no", ANY],
  ["::1", ANY],
  ["", ANY],
  ["ws://host/", ANY],
  ["ws://me@host/", MSGPACK],
  ["host", { ...ANY, path: "/for-msgpack" }],
  ["host", { ...MSGPACK, path: "no-slash" }],
  ["host", { ...ANY, proxyConnectionString: "https://proxy" }],
  ["host", { ...ANY, proxyConnectionString: "a:b:c" }],
])("refuses the master %j with %j", (master, where) => {
  expect(() => readEndpoint({ ...where, master })).toThrow(UsageError);
});
