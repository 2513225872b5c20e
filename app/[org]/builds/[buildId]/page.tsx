import { notFound, redirect } from "next/navigation";
import { routes } from "@/app/_client/navigation";
import { load } from "@/app/_server/api";
import type { BuildAddress } from "@/server/api/builds/find";
import { type BuildId, parseId } from "@/server/domain/ids";

/** A build by its id, as programs and notices link it. */
export default async function BuildById(props: {
  readonly params: Promise<{ readonly org: string; readonly buildId: string }>;
}) {
  const { org, buildId: text } = await props.params;
  const buildId = parseId<BuildId>(text);
  if (buildId === null) notFound();
  const { builderId, number } = await load<BuildAddress>((api) =>
    api.builds.find.queryOptions({ org, buildId }),
  );
  if (number === null) notFound();
  redirect(routes.build(org, builderId, number));
}
