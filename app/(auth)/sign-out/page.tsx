import type { Metadata } from "next";
import { SignOutForm } from "./sign-out-form";

export const metadata: Metadata = { title: "Sign out" };

export default function SignOutPage() {
  return (
    <main className="auth-page">
      <h1>Sign out</h1>
      <SignOutForm />
    </main>
  );
}
