"use client";
import { signIn } from "../../authenticate";
import { AuthForm, Field } from "../../form";

export function RedeemForm(props: { readonly token: string; readonly email: string | null }) {
  async function redeem(fields: Record<string, string>): Promise<string | null> {
    const response = await fetch("/api/auth/redeem", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ ...fields, token: props.token }),
    });
    const answer = (await response.json()) as { slug?: string; error?: string };
    if (!response.ok) return answer.error ?? "That did not work.";
    const problem = await signIn(fields.email ?? "", fields.password ?? "");
    window.location.assign(problem === null ? `/${answer.slug}` : "/sign-in");
    return null;
  }

  return (
    <AuthForm submit="Make the account" onSubmit={redeem}>
      <Field label="Name" name="name" autoComplete="name" />
      <Field
        label="E-mail"
        name="email"
        type="email"
        autoComplete="username"
        defaultValue={props.email ?? ""}
        readOnly={props.email !== null}
      />
      <Field
        label="Password (at least 8 characters)"
        name="password"
        type="password"
        autoComplete="new-password"
        minLength={8}
      />
    </AuthForm>
  );
}
