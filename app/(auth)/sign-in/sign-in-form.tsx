"use client";
import { signIn } from "../authenticate";
import { AuthForm, Field } from "../form";

export function SignInForm({ next }: { readonly next: string }) {
  return (
    <AuthForm
      submit="Sign in"
      onSubmit={async ({ email = "", password = "" }) => {
        const problem = await signIn(email, password);
        if (problem === null) window.location.assign(next);
        return problem;
      }}
    >
      <Field label="E-mail" name="email" type="email" autoComplete="username" />
      <Field label="Password" name="password" type="password" autoComplete="current-password" />
    </AuthForm>
  );
}
