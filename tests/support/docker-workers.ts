/**
 * Both workers, the Python one and ours, in containers that have nothing but this host's programs: an
 * empty image, `/usr`, and a folder with what starts them from what the driver puts into their
 * environment.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DockerEngine } from "./docker-engine";
import { workerProgram } from "./slipway-worker";

export interface DockerWorkers {
  /** Options of a DockerLatentWorker, all but its name and type. */
  readonly slipway: object;
  readonly buildbot: object;
  remove(): void;
}

/** What an image's `buildbot.tac` does: all that it needs to know is in the environment. */
/** Of the application's line the worker's program looks at every letter. */
const TAC = `import os
from buildbot_worker.bot import Worker
from twisted.application import service

application = service.Application('buildbot-worker')
environ = os.environ
password = environ.pop("WORKERPASS")
worker = Worker(
    environ["BUILDMASTER"], int(environ["BUILDMASTER_PORT"]), environ["WORKERNAME"], password,
    "/worker", 600, protocol=environ["BUILDMASTER_PROTOCOL"], maxRetries=10,
)
worker.setServiceParent(application)
`;

export async function dockerWorkers(engine: DockerEngine): Promise<DockerWorkers> {
  const folder = mkdtempSync(join(tmpdir(), "slipway-docker-workers-"));
  writeFileSync(join(folder, "worker.mjs"), await workerProgram());
  writeFileSync(join(folder, "buildbot.tac"), TAC);
  const common = {
    ...{ docker_host: engine.host, image: engine.hostfs.image, password: null },
    volumes: [...engine.hostfs.volumes, `${folder}:/programs:ro`],
    hostconfig: engine.hostfs.hostconfig,
    masterFQDN: "127.0.0.1",
  };
  const node = [process.execPath, "/programs/worker.mjs", "run", "--basedir", "/worker"];
  const python = "cp /programs/buildbot.tac . && exec buildbot-worker start --nodaemon /worker";
  return {
    slipway: { ...common, command: node },
    buildbot: { ...common, command: ["sh", "-c", python] },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
