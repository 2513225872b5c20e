"use client";
import { signOut } from "../authenticate";
import { AuthForm } from "../form";

export function SignOutForm() {
  return (
    <AuthForm
      submit="Sign out of this browser"
      onSubmit={async () => {
        await signOut();
        window.location.assign("/sign-in");
        return null;
      }}
    />
  );
}
