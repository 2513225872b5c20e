import type { Metadata } from "next";
import { Loaded, load } from "@/app/_server/api";
import { PageHead } from "@/app/_ui/page-head";
import { ProjectsView } from "./projects-view";

export const metadata: Metadata = { title: "Projects" };

export default async function Projects(props: {
  readonly params: Promise<{ readonly org: string }>;
}) {
  const { org } = await props.params;
  await load((api) => api.projects.list.queryOptions({ org }));
  return (
    <Loaded>
      <PageHead title="Projects" />
      <div className="px-4 py-4 sm:px-6">
        <ProjectsView />
      </div>
    </Loaded>
  );
}
