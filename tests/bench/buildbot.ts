/**
 * Debian's Buildbot 3.7 master on SQLite, in a temporary directory. Its front end is not packaged
 * by Debian and the web port needs one, so a page of one word takes its place; the API is the
 * master's own. The end of a build is learnt from its server-sent events.
 */
import { execFile, spawn } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { freePorts } from "../support/free-ports";
import { PASSWORD, type Peer, type Plan } from "./peer";
import { openRest, overRest, Told } from "./rest";

const PYTHON = "/usr/bin/python3";
const START_MS = 60_000;

export const hasBuildbot = () => existsSync("/usr/bin/buildbot");

const CONFIG = `import json
from buildbot.plugins import schedulers, steps, util, worker

plan = json.load(open("plan.json"))
c = BuildmasterConfig = {
    "title": "bench",
    "buildbotNetUsageData": None,
    "collapseRequests": False,
    "db": {"db_url": "sqlite:///state.sqlite"},
    "protocols": {
        "pb": {"port": "tcp:%d:interface=127.0.0.1" % plan["pbPort"]},
        "msgpack_experimental_v7": {"port": plan["msgpackPort"]},
    },
    "www": {"port": "tcp:%d:interface=127.0.0.1" % plan["webPort"], "plugins": {}},
    "buildbotURL": "http://127.0.0.1:%d/" % plan["webPort"],
    "workers": [worker.Worker(w["name"], plan["password"], max_builds=w["maxBuilds"]) for w in plan["workers"]],
    "builders": [
        util.BuilderConfig(
            name=b["name"],
            workernames=b["workers"],
            factory=util.BuildFactory([steps.ShellCommand(command=b["command"], logEnviron=False)]),
        )
        for b in plan["builders"]
    ],
    "schedulers": [schedulers.ForceScheduler(name="force", builderNames=[b["name"] for b in plan["builders"]])],
}
`;

const TAC = `from buildbot.master import BuildMaster
from twisted.application import service

application = service.Application('buildmaster')
BuildMaster(".", "master.cfg", None).setServiceParent(application)
`;

const PAGE = `from twisted.web.static import Data


class Page:
    ui = True
    version = description = "0"
    resource = Data(b"bench", "text/plain")
    static_dir = "."

    def setMaster(self, master):
        pass

    def setConfiguration(self, config):
        pass


page = Page()
`;

export async function startBuildbotPeer(plan: Plan): Promise<Peer> {
  const dir = mkdtempSync(join(tmpdir(), "bench-buildbot-"));
  const [webPort, pbPort, msgpackPort] = await freePorts(3);
  const info = join(dir, "site/bench_page-0.dist-info");
  mkdirSync(info, { recursive: true });
  writeFileSync(join(dir, "site/bench_page.py"), PAGE);
  writeFileSync(join(info, "METADATA"), "Metadata-Version: 2.1\nName: bench-page\nVersion: 0\n");
  writeFileSync(join(info, "entry_points.txt"), "[buildbot.www]\nbase = bench_page:page\n");
  writeFileSync(join(dir, "master.cfg"), CONFIG);
  writeFileSync(join(dir, "buildbot.tac"), TAC);
  writeFileSync(
    join(dir, "plan.json"),
    JSON.stringify({ ...plan, webPort, pbPort, msgpackPort, password: PASSWORD }),
  );
  // The framework's types want NODE_ENV in every environment; Python has no use for it.
  const env = {
    PATH: "/usr/bin:/bin",
    HOME: dir,
    LANG: "C.UTF-8",
    PYTHONWARNINGS: "ignore",
    PYTHONPATH: join(dir, "site"),
  } as unknown as NodeJS.ProcessEnv;
  try {
    await promisify(execFile)("/usr/bin/buildbot", ["upgrade-master", "-q", dir], {
      cwd: dir,
      env,
    });
  } catch (error) {
    rmSync(dir, { recursive: true, force: true });
    throw error;
  }

  const output = openSync(join(dir, "process.out"), "a");
  const child = spawn(
    PYTHON,
    [
      "/usr/bin/twistd3",
      "--nodaemon",
      "--no_save",
      "--logfile=twistd.log",
      "--python=buildbot.tac",
    ],
    { cwd: dir, env, stdio: ["ignore", output, output] },
  );
  closeSync(output);
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const rest = openRest(`http://127.0.0.1:${webPort}`);
  const told = new Told();

  async function stop(): Promise<void> {
    rest.close();
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), 15_000);
    await exited;
    clearTimeout(timer);
    rmSync(dir, { recursive: true, force: true });
  }

  try {
    const giveUpAt = performance.now() + START_MS;
    for (;;) {
      try {
        await rest.get("/builders");
        break;
      } catch (error) {
        if (child.exitCode !== null || performance.now() > giveUpAt) throw error;
        await sleep(50);
      }
    }
    await listen(webPort, told);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    name: "buildbot",
    workerPorts: { pb: pbPort, msgpack: msgpackPort },
    ...overRest(rest),
    finished: (id) => told.finished(id),
    processes: () => ({ master: [child.pid as number] }),
    // Counted references are freed at once.
    collectGarbage: async () => {},
    stop,
  };
}

/** Settles at the handshake. */
function listen(port: number, told: Told): Promise<void> {
  return new Promise((resolve, reject) => {
    const url = `http://127.0.0.1:${port}/sse/listen/buildrequests/*/complete`;
    const events = get(url, (answer) => {
      let event = "";
      const lines = createInterface({ input: answer });
      // The master ends, and with it the stream.
      lines.on("error", () => {});
      lines.on("line", (line) => {
        if (line.startsWith("event: ")) event = line.slice(7);
        if (!line.startsWith("data: ")) return;
        if (event === "handshake") return resolve();
        const data = JSON.parse(line.slice(6)) as { message?: { buildrequestid: number } };
        if (data.message) told.tell(data.message.buildrequestid);
      });
    });
    events.on("error", reject);
  });
}
