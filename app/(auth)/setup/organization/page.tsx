import type { Metadata } from "next";
import { redirect } from "next/navigation";
import { Providers } from "@/app/_client/providers";
import { user } from "@/app/_server/api";
import { NewOrganization } from "./new-organization";

export const metadata: Metadata = { title: "New organisation" };

export default async function Organization() {
  const person = await user();
  if (person === null) redirect("/sign-in?callbackUrl=/setup/organization");
  if (!person.isAdmin) {
    return (
      <main className="auth-page">
        <h1>No organisation yet</h1>
        <p>
          You are signed in as {person.email}, and member of no organisation. Ask an administrator
          of this installation for an invitation.
        </p>
        <p>
          <a href="/sign-out">Sign out</a>
        </p>
      </main>
    );
  }
  return (
    <main className="auth-page">
      <h1>New organisation</h1>
      <p>It has its own workers, projects, members and address.</p>
      <Providers>
        <NewOrganization />
      </Providers>
    </main>
  );
}
