import type { Metadata } from "next";
import { notFound } from "next/navigation";
import { buildPages, requestPages } from "@/app/_client/pages";
import { Loaded, load, loadInfinite } from "@/app/_server/api";
import type { BuilderPage } from "@/server/api/builders/one";
import { type BuilderId, parseId } from "@/server/domain/ids";
import { BuilderView } from "./builder-view";

interface Props {
  readonly params: Promise<{ readonly org: string; readonly builderId: string }>;
}

async function find(props: Props) {
  const { org, builderId: text } = await props.params;
  const builderId = parseId<BuilderId>(text);
  if (builderId === null) notFound();
  const builder = await load<BuilderPage>((api) =>
    api.builders.one.queryOptions({ org, builderId }),
  );
  return { org, builderId, builder };
}

export async function generateMetadata(props: Props): Promise<Metadata> {
  return { title: (await find(props)).builder.name };
}

export default async function Builder(props: Props) {
  const { org, builderId } = await find(props);
  await Promise.all([
    load((api) => api.builders.forms.queryOptions({ org, builderId })),
    loadInfinite((api) => api.builds.page.infiniteQueryOptions({ org, builderId }, buildPages)),
    loadInfinite((api) => api.requests.list.infiniteQueryOptions({ org, builderId }, requestPages)),
  ]);
  return (
    <Loaded>
      <BuilderView builderId={builderId} />
    </Loaded>
  );
}
