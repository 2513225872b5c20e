import { redirect } from "next/navigation";

export default async function Settings(props: {
  readonly params: Promise<{ readonly org: string }>;
}) {
  redirect(`/${(await props.params).org}/settings/projects`);
}
