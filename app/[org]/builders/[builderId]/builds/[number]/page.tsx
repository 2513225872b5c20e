import type { Metadata } from "next";
import { notFound } from "next/navigation";
import { buildState, isBad, look } from "@/app/_features/status";
import { Loaded, load } from "@/app/_server/api";
import type { BuildPage } from "@/server/api/builds/one";
import { type BuilderId, parseId } from "@/server/domain/ids";
import { BuildView } from "./build-view";
import { logToOpen, stepToOpen } from "./focus";

interface Props {
  readonly params: Promise<{
    readonly org: string;
    readonly builderId: string;
    readonly number: string;
  }>;
}

async function find(props: Props) {
  const params = await props.params;
  const builderId = parseId<BuilderId>(params.builderId);
  const number = parseId<never>(params.number);
  if (builderId === null || number === null) notFound();
  const { org } = params;
  const build = await load<BuildPage>((api) =>
    api.builds.one.queryOptions({ org, builderId, number }),
  );
  return { builderId, number, build };
}

export async function generateMetadata(props: Props): Promise<Metadata> {
  const { build } = await find(props);
  return { title: `${look(buildState(build)).word}: ${build.builder} #${build.number}` };
}

export default async function Build(props: Props) {
  const { org } = await props.params;
  const { builderId, number, build } = await find(props);
  const step = stepToOpen(build);
  const log = step && isBad(step.result) ? logToOpen(step.logs, null) : null;
  if (build.instanceId !== null) {
    await load((api) => api.instances.ofBuild.queryOptions({ org, buildId: build.id }));
  }
  if (log) await load((api) => api.logs.openingLine.queryOptions({ org, logId: log.id }));
  return (
    <Loaded>
      <BuildView key={`${builderId}/${number}`} builderId={builderId} number={number} />
    </Loaded>
  );
}
