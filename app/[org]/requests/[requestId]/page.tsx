import type { Metadata } from "next";
import { notFound, redirect } from "next/navigation";
import { routes } from "@/app/_client/navigation";
import { Loaded, load } from "@/app/_server/api";
import type { RequestPage } from "@/server/api/requests/one";
import { type BuildRequestId, parseId } from "@/server/domain/ids";
import { RequestView } from "./request-view";

interface Props {
  readonly params: Promise<{ readonly org: string; readonly requestId: string }>;
}

export async function generateMetadata(props: Props): Promise<Metadata> {
  return { title: `Request ${(await props.params).requestId}` };
}

/** One request while it waits; once it has a build, this address is the build's. */
export default async function Request(props: Props) {
  const { org, requestId: text } = await props.params;
  const requestId = parseId<BuildRequestId>(text);
  if (requestId === null) notFound();
  const request = await load<RequestPage>((api) =>
    api.requests.one.queryOptions({ org, requestId }),
  );
  if (request.build !== null && request.state !== "pending") {
    redirect(routes.build(org, request.builderId, request.build));
  }
  return (
    <Loaded>
      <RequestView requestId={requestId} />
    </Loaded>
  );
}
