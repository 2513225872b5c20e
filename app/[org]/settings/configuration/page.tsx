import type { Metadata } from "next";
import { Loaded, load } from "@/app/_server/api";
import { isAtLeast } from "@/app/_shell/roles";
import { PageHead } from "@/app/_ui/page-head";
import { current } from "../current";
import { NotAllowed } from "../not-allowed";
import { ConfigEditor } from "./config-editor";

export const metadata: Metadata = { title: "Configuration" };

export default async function Configuration(props: {
  readonly params: Promise<{ readonly org: string }>;
}) {
  const { org } = await props.params;
  if (!isAtLeast((await current(org)).role, "maintainer")) {
    return <NotAllowed title="Configuration" needs="maintainer" />;
  }
  await load((api) => api.config.current.queryOptions({ org }));
  return (
    <Loaded>
      <PageHead title="Configuration" note="workers, projects, builders, in one YAML text" />
      <div className="px-4 py-4 sm:px-6">
        <ConfigEditor />
      </div>
    </Loaded>
  );
}
