// Guarantee: a command's environment is the worker's with what the master says, and never holds what
// was meant for the server or for the worker alone.
import { expect, it } from "vitest";
import {
  commandEnvironment,
  ownEnvironment,
} from "../../../../workers-runtime/process/environment";

it("merges, expands, joins, removes, and puts a PYTHONPATH before the worker's own", () => {
  const own = { PATH: "/bin", HOME: "/users/w", GONE: "x", PYTHONPATH: "/own", PWD: "/elsewhere" };
  const added = {
    PATH: ["/added", "$" + "{PATH}"],
    NEW: "$" + "{HOME}/$" + "{MISSING}.",
    GONE: null,
    PYTHONPATH: "/theirs",
  };
  expect(commandEnvironment(own, added, "/place")).toEqual({
    PATH: "/added:/bin",
    HOME: "/users/w",
    NEW: "/users/w/.",
    PYTHONPATH: "/theirs:/own",
    PWD: "/place",
  });
  expect(commandEnvironment({}, { PYTHONPATH: "/theirs" }, "/w").PYTHONPATH).toBe("/theirs");
});

it("leaves out what builds must not see", () => {
  const source = {
    PATH: "/bin",
    SLIPWAY_WORKER_PASSWORD: "p",
    SLIPWAY_SECRET_KEY: "k",
    DATABASE_URL: "d",
    REDIS_URL: "r",
    WORKERPASS: "w",
    NODE_CHANNEL_FD: "3",
    UNSET: undefined,
  };
  expect(ownEnvironment(source)).toEqual({ PATH: "/bin" });
});
