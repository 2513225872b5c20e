import type { Metadata } from "next";
import { Loaded, load } from "@/app/_server/api";
import { isAtLeast } from "@/app/_shell/roles";
import { PageHead } from "@/app/_ui/page-head";
import { current } from "../settings/current";
import { NotAllowed } from "../settings/not-allowed";
import { WelcomeView } from "./welcome-view";

export const metadata: Metadata = { title: "Set up" };

export default async function Welcome(props: {
  readonly params: Promise<{ readonly org: string }>;
}) {
  const { org } = await props.params;
  if (!isAtLeast((await current(org)).role, "maintainer")) {
    return <NotAllowed title="Set up" needs="maintainer" />;
  }
  await load((api) => api.welcome.status.queryOptions({ org }));
  return (
    <Loaded>
      <PageHead title="Set up" note="from nothing to a green build" />
      <div className="max-w-3xl px-4 py-5 sm:px-6">
        <WelcomeView />
      </div>
    </Loaded>
  );
}
