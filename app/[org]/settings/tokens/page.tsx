import type { Metadata } from "next";
import { Loaded, load } from "@/app/_server/api";
import { isAtLeast } from "@/app/_shell/roles";
import { PageHead } from "@/app/_ui/page-head";
import { current } from "../current";
import { NotAllowed } from "../not-allowed";
import { TokensView } from "./tokens-view";

export const metadata: Metadata = { title: "API tokens" };

export default async function Tokens(props: {
  readonly params: Promise<{ readonly org: string }>;
}) {
  const { org } = await props.params;
  if (!isAtLeast((await current(org)).role, "admin")) {
    return <NotAllowed title="API tokens" needs="admin" />;
  }
  await load((api) => api.tokens.list.queryOptions({ org }));
  return (
    <Loaded>
      <PageHead title="API tokens" note="for programs: REST, the command line, webhooks" />
      <div className="px-4 py-4 sm:px-6">
        <TokensView />
      </div>
    </Loaded>
  );
}
