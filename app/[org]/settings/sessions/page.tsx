import type { Metadata } from "next";
import { Loaded, load } from "@/app/_server/api";
import { PageHead } from "@/app/_ui/page-head";
import { SessionsView } from "./sessions-view";

export const metadata: Metadata = { title: "My sessions" };

export default async function Sessions() {
  await load((api) => api.sessions.list.queryOptions());
  return (
    <Loaded>
      <PageHead title="My sessions" note="browsers signed in with your account" />
      <div className="px-4 py-4 sm:px-6">
        <SessionsView />
      </div>
    </Loaded>
  );
}
