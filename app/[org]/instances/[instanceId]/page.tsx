import type { Metadata } from "next";
import { notFound } from "next/navigation";
import { Loaded, load } from "@/app/_server/api";
import type { InstancePage } from "@/server/api/instances/one";
import { type InstanceId, parseId } from "@/server/domain/ids";
import { InstanceView } from "./instance-view";

interface Props {
  readonly params: Promise<{ readonly org: string; readonly instanceId: string }>;
}

async function find(props: Props) {
  const { org, instanceId: text } = await props.params;
  const instanceId = parseId<InstanceId>(text);
  if (instanceId === null) notFound();
  const instance = await load<InstancePage>((api) =>
    api.instances.one.queryOptions({ org, instanceId }),
  );
  return { instanceId, instance };
}

export async function generateMetadata(props: Props): Promise<Metadata> {
  const { instance } = await find(props);
  return { title: `Machine ${instance.generation} of ${instance.worker}` };
}

export default async function Instance(props: Props) {
  const { instanceId } = await find(props);
  return (
    <Loaded>
      <InstanceView instanceId={instanceId} />
    </Loaded>
  );
}
