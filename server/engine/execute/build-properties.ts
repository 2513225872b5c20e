/** The properties a build begins with, each with its source (W-050, C-021, A-08). */
import type { JsonValue, Properties } from "../../domain/properties";
import type { BuildToRun } from "./load-build";

export function buildProperties(build: BuildToRun): Properties {
  const all: Record<string, readonly [JsonValue, string]> = {};
  const put = (values: Readonly<Record<string, JsonValue>>, source: string) => {
    for (const [name, value] of Object.entries(values)) all[name] = [value, source];
  };
  const putMissing = (values: Readonly<Record<string, JsonValue>>, source: string) => {
    for (const [name, value] of Object.entries(values)) all[name] ??= [value, source];
  };
  const { config, worker } = build;
  if (config) put(config.globalProperties, "global");
  Object.assign(all, build.buildsetProperties);
  put({ scheduler: build.scheduler }, "Scheduler");
  if (config) {
    put(config.properties, "Builder");
    putMissing(config.defaultProperties, "Builder");
  }
  put({ buildername: build.builderName, builderid: build.builderId }, "Builder");
  put(worker.properties, "Worker");
  putMissing(worker.defaultProperties, "Worker");
  put({ workername: build.workerName }, "Worker");
  put({ buildnumber: build.number }, "Build");
  const [stamp, ...others] = build.sourceStamps;
  if (stamp && others.length === 0) {
    const { branch, revision, repository, codebase, project } = stamp;
    put({ branch, revision, repository, codebase, project }, "Build");
  }
  const separator = build.basedir.includes("\\") ? "\\" : "/";
  put(
    {
      basedir: build.basedir,
      builddir: `${build.basedir}${separator}${config?.builddir ?? build.builddir}`,
    },
    "Worker",
  );
  const owners = [...new Set([...build.authors, ...(build.owner === null ? [] : [build.owner])])];
  if (build.owner !== null) putMissing({ owner: build.owner }, "Build");
  if (owners.length > 0) put({ owners }, "Build");
  return all;
}
