import type { Metadata } from "next";
import { Board } from "../_features/board";
import { Loaded, load } from "../_server/api";
import { PageHead } from "../_ui/page-head";
import { Now } from "./now";

export const metadata: Metadata = { title: "Board" };

export default async function Home(props: { readonly params: Promise<{ readonly org: string }> }) {
  const { org } = await props.params;
  await Promise.all([
    load((api) => api.builders.list.queryOptions({ org })),
    load((api) => api.organizations.pulse.queryOptions({ org })),
  ]);
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
