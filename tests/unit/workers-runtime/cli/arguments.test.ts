// Guarantee: the command line means what it means to buildbot-worker, and nonsense is refused in words.
import { describe, expect, it } from "vitest";
import {
  createArguments,
  runArguments,
  startArguments,
} from "../../../../workers-runtime/cli/arguments";
import { readEndpoint } from "../../../../workers-runtime/cli/endpoint";
import { UsageError } from "../../../../workers-runtime/cli/usage";

const FOUR = ["dir", "master.example:9990", "w1", "secret"];

describe("create-worker", () => {
  it("takes four arguments and has defaults for the rest", () => {
    expect(createArguments(FOUR)).toEqual({
      basedir: "dir",
      isForced: false,
      isQuiet: false,
      settings: {
        ...{ master: "master.example:9990", name: "w1", password: "secret", useTls: false },
        ...{ keepalive: 600, maxdelay: 300, maxretries: null, numcpus: null, umask: null },
        ...{ allowShutdown: null, deleteLeftoverDirs: false, logSize: 10_000_000, logCount: 10 },
      },
    });
  });

  it("takes every option", () => {
    const options =
      "--umask=0o22 -k 120 --maxdelay=10 --maxretries=3 --numcpus=2 -a signal --use-tls " +
      "--delete-leftover-dirs -s 5000 -l None -f -r -q --protocol=pb";
    expect(createArguments([...options.split(" "), ...FOUR])).toMatchObject({
      isForced: true,
      isQuiet: true,
      settings: {
        ...{ umask: 0o22, keepalive: 120, maxdelay: 10, maxretries: 3, numcpus: 2, useTls: true },
        ...{ allowShutdown: "signal", deleteLeftoverDirs: true, logSize: 5000, logCount: null },
      },
    });
  });

  it.each([
    [FOUR.slice(1)],
    [[...FOUR, "fifth"]],
    [["dir", "http://master", "w1", "p"]],
    [["--keepalive=soon", ...FOUR]],
    [["--umask=rw", ...FOUR]],
    [["--allow-shutdown=maybe", ...FOUR]],
    [["--protocol=msgpack_experimental_v7", ...FOUR]],
    [["--no-such-option", ...FOUR]],
  ])("refuses %j", (argv) => {
    expect(() => createArguments(argv)).toThrow(UsageError);
  });
});

it("run takes what is missing from the environment", () => {
  const defaults = { master: "m:1", name: "n", password: "p" };
  expect(runArguments(["--basedir", "d"], defaults)).toMatchObject({
    basedir: "d",
    settings: { master: "m:1", name: "n", password: "p" },
  });
  const named = runArguments(["--basedir=d", "--master=x:2", "--name=y"], defaults);
  expect(named.settings).toMatchObject({ master: "x:2", name: "y" });
  expect(() => runArguments(["--basedir", "d"], { ...defaults, password: undefined })).toThrow(
    "SLIPWAY_WORKER_PASSWORD",
  );
});

it("start is for the directory given, or the one we are in", () => {
  expect(startArguments(["--nodaemon", "d"])).toMatchObject({ basedir: "d", inForeground: true });
  expect(startArguments([])).toMatchObject({ basedir: ".", inForeground: false });
  expect(() => startArguments(["a", "b"])).toThrow(UsageError);
});

it.each([
  ["host", false, { host: "host", port: 9989, isTls: false, trustRoots: null }],
  ["host:1234", true, { host: "host", port: 1234, isTls: true, trustRoots: null }],
  ["[::1]:1234", false, { host: "::1", port: 1234, isTls: false, trustRoots: null }],
  ["TCP:host:1", false, { host: "host", port: 1, isTls: false, trustRoots: null }],
  ["TLS:host:1:trustRoots=/ca", false, { host: "host", port: 1, isTls: true, trustRoots: "/ca" }],
])("connects to %s", (master, useTls, endpoint) => {
  expect(readEndpoint(master, useTls)).toEqual(endpoint);
});

it.each(["host:0", "host:99999", "a:b:c", "::1", ""])("refuses the master %j", (master) => {
  expect(() => readEndpoint(master, false)).toThrow(UsageError);
});
