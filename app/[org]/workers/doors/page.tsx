import type { Metadata } from "next";
import { Loaded, load } from "@/app/_server/api";
import { isAtLeast } from "@/app/_shell/roles";
import { PageHead, Section } from "@/app/_ui/page-head";
import { current } from "../../settings/current";
import { NotAllowed } from "../../settings/not-allowed";
import { DoorTest } from "../door-test";
import { Strangers } from "./strangers";
import { UnknownNames } from "./unknown-names";

export const metadata: Metadata = { title: "The workers' doors" };

export default async function Doors(props: { readonly params: Promise<{ readonly org: string }> }) {
  const { org } = await props.params;
  if (!isAtLeast((await current(org)).role, "maintainer")) {
    return <NotAllowed title="The workers' doors" needs="maintainer" />;
  }
  await Promise.all([
    load((api) => api.workers.doors.queryOptions({ org })),
    load((api) => api.workers.strangers.queryOptions({ org, since: 0 })),
    load((api) => api.workers.unknownNames.queryOptions({ org })),
  ]);
  return (
    <Loaded>
      <PageHead title="The workers' doors" note="where workers connect, and who else came" />
      <div className="px-4 py-4 sm:px-6">
        <div className="max-w-3xl">
          <Section title="As they are">
            <DoorTest />
          </Section>
        </div>
        <Section title="Refused unknown names" note="nobody here has them">
          <UnknownNames />
        </Section>
        <Section title="Last strangers" note="the last 20 that were no worker of this installation">
          <Strangers />
        </Section>
      </div>
    </Loaded>
  );
}
