/** All that a build knows when its next step begins. */
import { type Properties, secretsIn } from "../../domain/properties";
import { builddirOf, workerInfo } from "./build-properties";
import { BuildValues } from "./build-values";
import type { BuilderConfig, BuildToRun } from "./load-build";
import type { RunContext } from "./run-context";

/** Hidden values are read once, and known to the redaction before anything is printed. */
export async function knowBuild(
  { secrets, insist, publicUrl }: Pick<RunContext, "secrets" | "insist" | "publicUrl">,
  build: BuildToRun,
  config: BuilderConfig,
  properties: Properties,
): Promise<BuildValues> {
  const { facts, orgId, buildId, orgSlug, builderId, number } = build;
  const names = secretsIn([config.steps, config.env]);
  const found = await insist("secrets of a build", () =>
    secrets.read({ orgId, names, reader: `build ${buildId}`, enrol: () => {} }),
  );
  const { system, basedir, version, workerCommands: commands, environ } = facts;
  return new BuildValues({
    properties,
    sourceStamps: build.sourceStamps,
    worker: { system, basedir, version, commands, environ },
    builddir: builddirOf(build),
    workerInfo: workerInfo(build),
    urlForBuild: `${publicUrl}/${orgSlug}/builders/${builderId}/builds/${number}`,
    env: config.env,
    secrets: new Map([...found].map(([name, secret]) => [name, secret.reveal()])),
  });
}
