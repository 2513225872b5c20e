import type { Metadata } from "next";
import { redirect } from "next/navigation";
import { routes } from "../_client/navigation";
import { Board } from "../_features/board";
import { Loaded, load } from "../_server/api";
import { isAtLeast } from "../_shell/roles";
import { PageHead } from "../_ui/page-head";
import { Now } from "./now";
import { current } from "./settings/current";

export const metadata: Metadata = { title: "Board" };

export default async function Home(props: { readonly params: Promise<{ readonly org: string }> }) {
  const { org } = await props.params;
  const [{ builders }] = await Promise.all([
    load<{ builders: unknown[] }>((api) => api.builders.list.queryOptions({ org })),
    load((api) => api.organizations.pulse.queryOptions({ org })),
  ]);
  // Nothing to show yet: whoever may set it up is led there.
  if (builders.length === 0 && isAtLeast((await current(org)).role, "maintainer")) {
    redirect(routes.welcome(org));
  }
  return (
    <Loaded>
      <PageHead title="Board">
        <Now />
      </PageHead>
      <div className="px-4 sm:px-6">
        <Board order="news" />
      </div>
    </Loaded>
  );
}
