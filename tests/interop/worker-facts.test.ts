// Guarantee: what real workers of either kind say of themselves over either protocol is there for every
// build: `%(worker:…)s`, os-release with its four keys whatever it holds, the files of info/; and properties
// come in their order, a worker's over a builder's, a build's own over all (W-050 to W-057, A6, A7).
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SUCCESS } from "../../server/domain/builds";
import type { Properties } from "../../server/domain/properties";
import type { Listening, WorkerProtocol } from "../../server/protocols/contract";
import { msgpackProtocol } from "../../server/protocols/msgpack";
import { pbProtocol } from "../../server/protocols/pb";
import { hasBuildbotWorker, MSGPACK, startBuildbotWorker } from "../support/buildbot-worker";
import { CALLER, createRig, isFinished, type Rig, type SocketProcess } from "../support/engine-rig";
import { startSlipwayWorker } from "../support/slipway-worker";

interface Started {
  readonly dir: string;
  stop(): Promise<void>;
}

interface Kind {
  readonly name: string;
  readonly isThere: () => boolean;
  readonly protocol: WorkerProtocol;
  /** With these files in its `info/` before it connects. */
  start(port: number, info: Readonly<Record<string, string>>): Promise<Started>;
}

const python = (protocol: WorkerProtocol, args: string[]): Kind => ({
  name: `buildbot-worker over ${protocol.name}`,
  isThere: hasBuildbotWorker,
  protocol,
  async start(port, info) {
    const options = { host: "127.0.0.1", port, name: "w1", password: "pass", args };
    // Started once so that its directory is made; what it says is read anew at each start.
    const first = await startBuildbotWorker({ ...options, port: 1 });
    await first.kill();
    fill(first.dir, info);
    const tac = join(first.dir, "buildbot.tac");
    writeFileSync(tac, readFileSync(tac, "utf8").replace(/^port = 1$/m, `port = ${port}`));
    const second = await startBuildbotWorker({ ...options, dir: first.dir });
    return {
      dir: first.dir,
      async stop() {
        await second.stop();
        rmSync(first.dir, { recursive: true, force: true });
      },
    };
  },
});

const slipway = (protocol: WorkerProtocol, name: "pb" | "msgpack"): Kind => ({
  name: `slipway-worker over ${protocol.name}`,
  isThere: () => true,
  protocol,
  start: (port, info) =>
    startSlipwayWorker({
      ...{ port, protocol: name, name: "w1", password: "pass", args: ["--numcpus=3"] },
      prepare: (dir) => fill(dir, info),
    }),
});

function fill(dir: string, info: Readonly<Record<string, string>>): void {
  mkdirSync(join(dir, "info"), { recursive: true });
  for (const [file, text] of Object.entries(info)) writeFileSync(join(dir, "info", file), text);
}

/** What this host says of itself, read by other means than a worker's. */
const release = Object.fromEntries(
  (existsSync("/etc/os-release") ? readFileSync("/etc/os-release", "utf8") : "")
    .split("\n")
    .flatMap((line) => [...line.matchAll(/^(\w+)=["']?(.*?)["']?$/g)])
    .filter(([, , value]) => value !== "")
    .map(([, key = "", value = ""]) => [key.toLowerCase(), value]),
);

const INFO = { admin: "Ada <ada@example.org>", access_uri: "ssh://box", rack: "b7" };
const SHOWN = ["os_id", "os_id_like", "os_version_id", "os_version_codename", "system"];
const shown = (keys: readonly string[]) => keys.map((key) => `%(worker:${key})s`).join("|");

describe.each([
  python(pbProtocol, []),
  python(msgpackProtocol, [MSGPACK]),
  slipway(pbProtocol, "pb"),
  slipway(msgpackProtocol, "msgpack"),
])("$name", ({ isThere, protocol, start }) => {
  let rig: Rig;
  let socket: SocketProcess;
  let listening: Listening;
  let worker: Started;

  beforeEach(async () => {
    rig = await createRig();
    socket = await rig.socket();
    const options = { host: "127.0.0.1", port: 0, loginTimeoutMs: 30_000 };
    listening = await protocol.listen(socket.sessions.door, options);
  });

  afterEach(async () => {
    await worker?.stop();
    await listening.close();
    await rig.close();
  });

  it.skipIf(!isThere())("tells builds what it is, and takes part in their properties", async () => {
    const id = await rig.addWorker("w1");
    const config = {
      properties: { site: "worker", branch: "worker" },
      defaultProperties: { mode: "worker's default", only: "worker's default", last: "worker" },
    };
    await rig.db.rows("update worker set config = $1", [JSON.stringify(config)]);
    const builder = await rig.addBuilder(
      "b1",
      [id],
      [
        { type: "SetProperty", property: "os", value: shown(SHOWN) },
        { type: "SetProperty", property: "info", value: shown(Object.keys(INFO)) },
        { type: "SetProperty", property: "none", value: "%(worker:os_none:-none)s" },
        { type: "SetProperty", property: "hidden", value: "%(worker:environ:-hidden)s" },
        {
          type: "SetPropertyFromCommand",
          property: "there",
          command: [
            "sh",
            "-c",
            'test "$PWD" = "$0/build" && echo "$1 $2"',
            "%(prop:builddir)s",
          ].concat(["%(prop:site)s", "%(prop:mode)s"]),
        },
      ],
    );
    await rig.db.rows("update builder_config set config = config || $1", [
      JSON.stringify({
        properties: { site: "builder", mode: "builder" },
        defaultProperties: { only: "builder's default", mode: "never" },
      }),
    ]);
    worker = await start(listening.port, INFO);
    const { requestIds } = await rig.commands.force(CALLER, {
      ...{ builderId: builder, reason: "test", owner: null, properties: {}, branch: "main" },
      ...{ revision: null, repository: null, project: null, codebase: null, priority: 0 },
      idempotencyKey: null,
    });
    const build = await rig.build(requestIds[builder] as never, isFinished);
    expect(build.result).toBe(SUCCESS);
    const [row] = await rig.db.rows<{ properties: Properties }>(
      "select properties from build where id = $1",
      [build.id],
    );
    const { properties = {} } = row ?? {};
    const { id: os, id_like = "", version_id = "", version_codename = "" } = release;
    expect(properties).toMatchObject({
      os: [[os, id_like, version_id, version_codename, "posix"].join("|"), expect.any(String)],
      info: [Object.values(INFO).join("|"), expect.any(String)],
      ...{ none: ["none", expect.any(String)], hidden: ["hidden", expect.any(String)] },
      ...{ site: ["worker", "Worker"], mode: ["builder", "Builder"] },
      ...{ only: ["builder's default", "Builder"], last: ["worker", "Worker"] },
      ...{ branch: ["main", "Build"], workername: ["w1", "Worker"] },
      ...{ basedir: [worker.dir, "Worker"], builddir: [join(worker.dir, "b1"), "Worker"] },
      there: ["worker builder", expect.any(String)],
    });
    const [known] = await rig.db.rows<{ facts: Record<string, unknown> }>(
      "select facts from worker where id = $1",
      [id],
    );
    expect(known?.facts).toMatchObject({
      ...{ numcpus: expect.any(Number), version: expect.stringMatching(/\d/), system: "posix" },
      info: { ...INFO, os_id: os },
    });
  });
});
