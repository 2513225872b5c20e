import type { Metadata } from "next";
import { Board } from "@/app/_features/board";
import { Loaded, load } from "@/app/_server/api";
import { PageHead } from "@/app/_ui/page-head";

export const metadata: Metadata = { title: "Builders" };

export default async function Builders(props: {
  readonly params: Promise<{ readonly org: string }>;
}) {
  const { org } = await props.params;
  await load((api) => api.builders.list.queryOptions({ org }));
  return (
    <Loaded>
      <PageHead title="Builders" />
      <div className="px-4 sm:px-6">
        <Board order="name" />
      </div>
    </Loaded>
  );
}
