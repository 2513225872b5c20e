import { redirect } from "next/navigation";
import { user } from "./_server/api";

/** The first organisation of whoever is signed in. */
export default async function Root() {
  const person = await user();
  if (person === null) redirect("/sign-in");
  const [first] = person.memberships;
  redirect(first ? `/${first.slug}` : "/setup/organization");
}
