// Guarantees that the table of who may import whom (docs/architecture.md) is what the check enforces.
import { expect, test } from "vitest";
import { importsOf, judge } from "../../../scripts/imports.mjs";

const allowed: [string, string][] = [
  ["server/domain/builds/state", "server/domain/ids"],
  ["server/drivers/docker/index", "server/drivers/contract"],
  ["server/drivers/docker/index", "server/drivers/docker/schema"],
  ["server/drivers/index", "server/drivers/docker/index"],
  ["server/config/check", "server/steps/shell/schema"],
  ["server/engine/execute/run", "server/fleet/index"],
  ["server/processes/socket", "server/protocols/pb/index"],
  ["app/[org]/page", "app/_ui/button"],
  ["workers-runtime/transports/pb", "server/protocols/pb/codec/jelly"],
];

const refused: [string, string][] = [
  ["server/domain/builds/state", "server/db/pool"],
  ["server/drivers/docker/index", "server/drivers/ec2/index"],
  ["server/drivers/docker/index", "server/drivers/index"],
  ["server/drivers/docker/index", "server/db/pool"],
  ["server/drivers/docker/schema", "server/drivers/docker/client"],
  ["server/fleet/latent/start", "server/drivers/docker/index"],
  ["server/fleet/latent/start", "server/engine/index"],
  ["server/engine/execute/run", "server/fleet/sessions/table"],
  ["server/queues/catalog/index", "server/engine/index"],
  ["server/api/builds/list", "server/drivers/docker/index"],
  ["server/engine/index", "server/processes/socket"],
  ["app/[org]/page", "server/engine/index"],
  ["workers-runtime/session/connect", "server/protocols/pb/session"],
];

test.each(allowed)("%s may import %s", (from, to) => {
  expect(judge(from, to, false)).toBeNull();
});

test.each(refused)("%s may not import %s", (from, to) => {
  expect(judge(from, to, false)).not.toBeNull();
});

test.each([
  ["server/domain/ids/index", "node:crypto"],
  ["server/domain/ids/index", "pg"],
  ["server/drivers/docker/schema", "dockerode"],
  ["server/reporters/mail/index", "@prisma/client"],
  ["app/[org]/page", "bullmq"],
])("%s may not use the package %s", (from, name) => {
  expect(judge(from, name, true)).not.toBeNull();
});

test("imports are found in all their forms, types included", () => {
  const text = `
    import type { A } from "./a";
    import {
      b,
    } from "../b";
    export * from "./c";
    import "./d.css";
    const e = await import("./e");`;
  expect(importsOf(text).sort()).toEqual(["../b", "./a", "./c", "./d.css", "./e"]);
});
