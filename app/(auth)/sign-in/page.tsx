import type { Metadata } from "next";
import { redirect } from "next/navigation";
import { webRuntime } from "../../../server/api/runtime";
import { currentUser } from "../../../server/auth";
import { localPath } from "../local-path";
import { SignInForm } from "./sign-in-form";

export const metadata: Metadata = { title: "Sign in" };

export default async function SignInPage(props: {
  readonly searchParams: Promise<{ readonly callbackUrl?: string | string[] }>;
}) {
  const next = localPath((await props.searchParams).callbackUrl);
  if (await currentUser(webRuntime())) redirect(next);
  return (
    <main className="auth-page">
      <h1>Sign in</h1>
      <SignInForm next={next} />
    </main>
  );
}
