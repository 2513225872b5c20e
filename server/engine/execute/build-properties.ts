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
  for (const change of build.changes) put(change.properties, "Change");
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
  if (worker.machine_name) put({ machine_name: worker.machine_name }, "Worker");
  put({ buildnumber: build.number }, "Build");
  const [stamp, ...others] = build.sourceStamps;
  if (stamp && others.length === 0) {
    const { branch, revision, repository, codebase, project } = stamp;
    put({ branch, revision, repository, codebase, project }, "Build");
  }
  put({ basedir: build.facts.basedir, builddir: builddirOf(build) }, "Worker");
  const owners = [...new Set([...build.authors, ...(build.owner === null ? [] : [build.owner])])];
  if (build.owner !== null) putMissing({ owner: build.owner }, "Build");
  if (owners.length > 0) put({ owners }, "Build");
  return all;
}

/** Absolute, on the worker. */
export function builddirOf({ facts, config, builddir }: BuildToRun): string {
  const separator = facts.system === "nt" || facts.basedir.includes("\\") ? "\\" : "/";
  return `${facts.basedir}${separator}${config?.builddir ?? builddir}`;
}

/** `os_*` of a worker that says nothing of them (W-054). */
const ALWAYS_THERE = {
  os_id: null,
  os_id_like: null,
  os_version_id: null,
  os_version_codename: null,
};

/** What `%(worker:…)s` knows (W-053 to W-056). */
export function workerInfo({ facts }: BuildToRun): Readonly<Record<string, JsonValue>> {
  const { system, basedir, numcpus, version, info } = facts;
  return { ...ALWAYS_THERE, ...info, system, basedir, numcpus, version: version || "(unknown)" };
}
