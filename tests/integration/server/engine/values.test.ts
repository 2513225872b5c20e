/**
 * What one step sets, the next one sees and the build keeps; hidden values reach the command and
 * nothing that people read; what cannot be rendered ends its step, plainly, and never the process
 * (CORE §4, §14, C-022, C-147, W-050 to W-056).
 */
import { afterEach, beforeEach, expect, test } from "vitest";
import { EXCEPTION, FAILURE, SUCCESS } from "../../../../server/domain/builds";
import type { Properties } from "../../../../server/domain/properties";
import type { ShellArgs } from "../../../../server/domain/wire";
import { readRaw } from "../../../../server/logs";
import { scripted } from "../../../../server/protocols/null";
import { setSecret } from "../../../../server/secrets/store";
import {
  CALLER,
  createRig,
  isFinished,
  RIG_KEY,
  type Rig,
  type SocketProcess,
} from "../../../support/engine-rig";

let rig: Rig;
let socket: SocketProcess;
beforeEach(async () => {
  rig = await createRig();
  socket = await rig.socket();
});
afterEach(() => rig.close());

const shell = (command: unknown, options: object = {}) => ({
  type: "ShellCommand",
  command,
  haltOnFailure: true,
  ...options,
});

/** Commands print what the script says; `says` the argv, as `echo` does. */
async function run(steps: readonly object[], says = "", workerConfig: object = {}) {
  const workerId = await rig.addWorker("w1");
  await rig.db.rows("update worker set config = $1", [JSON.stringify(workerConfig)]);
  const builder = await rig.addBuilder("b1", [workerId], steps);
  const worker = await socket.connect("w1", {
    behaviour: scripted({ stdout: `${says}\n` }),
    facts: { info: { os_id: "debian", admin: "Ada" }, environ: { HOME: "/home/ci" } },
  });
  const build = await rig.build(await rig.force(builder), isFinished);
  const [row] = await rig.db.rows<{ properties: Properties }>(
    "select properties from build where id = $1",
    [build.id],
  );
  const sent = worker.commands.map(({ command }) => command.args as ShellArgs);
  return { build, sent, steps: await rig.steps(build.id), properties: row?.properties ?? {} };
}

async function logs(): Promise<string> {
  const rows = await rig.db.rows<{ id: number }>("select id from log order by id");
  const texts = await Promise.all(
    rows.map(async ({ id }) => {
      const chunks: string[] = [];
      for await (const part of readRaw(rig.db, id as never))
        chunks.push(Buffer.from(part).toString());
      return chunks.join("");
    }),
  );
  return texts.join("\n");
}

const keep = (name: string, value: string) => setSecret(rig.db, RIG_KEY, CALLER, { name, value });

test("what a command printed is a property of the steps behind it, and of the build", async () => {
  const { build, sent, steps, properties } = await run(
    [
      { type: "SetPropertyFromCommand", command: ["git", "describe"], property: "version" },
      { type: "SetProperties", name: "more", properties: { "a-b": [1], c: "%(prop:version)s!" } },
      shell(["make", "%(prop:c)s", "%(prop:none:-all)s"], { name: "make %(prop:buildername)s" }),
      shell(
        "%(worker:admin)s/%(worker:os_id_like)s/%(worker:environ:-hidden)s/%(worker:os_id_like:-x)s/%(worker:os_id_like:~x)s",
      ),
    ],
    "  v1.2 ",
  );
  expect(build.result).toBe(SUCCESS);
  expect(sent[1]?.command).toEqual(["make", "v1.2!", "all"]);
  expect(sent[2]?.command).toBe("Ada//hidden//x");
  expect(steps.map(({ name }) => name)).toEqual(["setproperty", "more", "make b1", "shell"]);
  expect(properties).toMatchObject({
    version: ["v1.2", "SetPropertyFromCommand Step"],
    "a-b": [[1], "more"],
    c: ["v1.2!", "more"],
  });
});

test("a hidden value reaches the command and nothing that people read", async () => {
  await keep("deploy/token", "hunter22 is long");
  const { build, sent, steps, properties } = await run(
    [
      { type: "SetPropertyFromCommand", command: ["show"], property: "leak" },
      shell(["curl", "%(secret:deploy/token)s"], {
        env: { T: { type: "Secret", name: "deploy/token" } },
      }),
      shell(["true"], { description: "with %(secret:deploy/token)s" }),
    ],
    "it is hunter22 is long",
  );
  expect(build.result).toBe(SUCCESS);
  expect(sent[1]).toMatchObject({
    command: ["curl", { real: "hunter22 is long", shown: "<deploy/token>" }],
    env: { T: "hunter22 is long" },
    logEnviron: false,
  });
  expect(steps.map(({ state_string }) => state_string)).toEqual([
    "property 'leak' set",
    "'curl <deploy/token>'",
    "with <deploy/token>",
  ]);
  expect(properties.leak?.[0]).toBe("it is <deploy/token>");
  const stored = (
    await rig.db.rows<{ text: string }>(
      `select (select string_agg(s::text, '') from step s) || (select string_agg(b::text, '') from build b)
       || (select string_agg(t::text, '') from transition t) || (select string_agg(o::text, '') from outbox o) as text`,
    )
  )[0]?.text;
  expect(stored).not.toContain("hunter22");
  const said = await logs();
  expect(said).toContain("it is <deploy/token>");
  expect(said).not.toContain("hunter22");
  expect(
    await rig.db.rows("select action, detail from audit_entry where action = 'secret.read'"),
  ).toEqual([{ action: "secret.read", detail: { names: ["deploy/token"] } }]);
});

test("what cannot be rendered, or is no valid option then, ends its step in EXCEPTION with the reason", async () => {
  const { build, steps, sent } = await run([
    shell("echo %(secret:nowhere)s", { haltOnFailure: false, alwaysRun: true }),
    shell(["sleep"], { timeout: { type: "Property", key: "buildername" }, alwaysRun: true }),
    shell(["true"], { doStepIf: { type: "Property", key: "none" } }),
    shell(["always"], { alwaysRun: true }),
  ]);
  expect(build.result).toBe(EXCEPTION);
  expect(steps.map(({ result }) => result)).toEqual([EXCEPTION, EXCEPTION, 3, SUCCESS]);
  expect(sent.map(({ command }) => command)).toEqual([["always"]]);
  const said = await logs();
  expect(said).toContain('there is no secret "nowhere"');
  expect(said).toContain("timeout: ");
});

test("worker properties win over all but the build's own; defaults fill what is missing", async () => {
  const { properties } = await run([shell(["true"])], "", {
    properties: { branch: "of the worker", scheduler: "x", buildnumber: 99, site: "w" },
    defaultProperties: { site: "d", more: "d", machine_name: "no" },
    machine_name: "rack-7",
  });
  expect(properties).toMatchObject({
    branch: [null, "Build"],
    scheduler: ["x", "Worker"],
    buildnumber: [1, "Build"],
    site: ["w", "Worker"],
    more: ["d", "Worker"],
    workername: ["w1", "Worker"],
    machine_name: ["rack-7", "Worker"],
  });
});

test("a command that fails sets no property; one that is no name is refused", async () => {
  const steps = [
    { type: "SetPropertyFromCommand", command: ["no"], property: "p", alwaysRun: true },
    { type: "SetProperty", property: "%(prop:x:-a b)s", value: "v" },
  ];
  const workerId = await rig.addWorker("w1");
  const builder = await rig.addBuilder("b1", [workerId], steps);
  await socket.connect("w1", { behaviour: scripted({ stdout: "x" }, { rc: 2 }) });
  const build = await rig.build(await rig.force(builder), isFinished);
  expect((await rig.steps(build.id)).map(({ result }) => result)).toEqual([FAILURE, EXCEPTION]);
  expect(await logs()).toContain("is not a property name");
});
