import type { Metadata } from "next";
import { Loaded, load } from "@/app/_server/api";
import { isAtLeast } from "@/app/_shell/roles";
import { PageHead } from "@/app/_ui/page-head";
import { current } from "../current";
import { NotAllowed } from "../not-allowed";
import { ConfigurationView } from "./configuration-view";
import { targetOf } from "./target";

export const metadata: Metadata = { title: "Configuration" };

export default async function Configuration(props: {
  readonly params: Promise<{ readonly org: string }>;
  readonly searchParams: Promise<{ readonly document?: string | string[] }>;
}) {
  const { org } = await props.params;
  const asked = (await props.searchParams).document;
  const document = typeof asked === "string" ? asked : undefined;
  const target = targetOf(document);
  if (!isAtLeast((await current(org)).role, "maintainer")) {
    return <NotAllowed title="Configuration" needs="maintainer" />;
  }
  await load((api) => api.config.current.queryOptions({ org, target }));
  return (
    <Loaded>
      <PageHead
        title="Configuration"
        note="workers, projects, builders: documents in YAML, with versions"
      />
      <div className="px-4 py-4 sm:px-6">
        <ConfigurationView document={document} />
      </div>
    </Loaded>
  );
}
