import type { Metadata } from "next";
import { Loaded, load } from "@/app/_server/api";
import { isAtLeast } from "@/app/_shell/roles";
import { PageHead } from "@/app/_ui/page-head";
import { current } from "../current";
import { NotAllowed } from "../not-allowed";
import { SecretsView } from "./secrets-view";

export const metadata: Metadata = { title: "Secrets" };

export default async function Secrets(props: {
  readonly params: Promise<{ readonly org: string }>;
}) {
  const { org } = await props.params;
  if (!isAtLeast((await current(org)).role, "admin")) {
    return <NotAllowed title="Secrets" needs="admin" />;
  }
  await load((api) => api.secrets.list.queryOptions({ org }));
  return (
    <Loaded>
      <PageHead title="Secrets" note="values that builds use and nobody sees again" />
      <div className="px-4 py-4 sm:px-6">
        <SecretsView />
      </div>
    </Loaded>
  );
}
