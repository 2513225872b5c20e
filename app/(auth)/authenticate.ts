/** The browser's side of NextAuth's credentials flow: fetch the anti-forgery token, then post. */
async function post(path: string, fields: Record<string, string>): Promise<Response> {
  const { csrfToken } = await (await fetch("/api/auth/csrf")).json();
  return fetch(`/api/auth/${path}`, {
    method: "POST",
    body: new URLSearchParams({ ...fields, csrfToken, json: "true" }),
  });
}

/** @returns what to tell the person, or null when they are signed in */
export async function signIn(email: string, password: string): Promise<string | null> {
  const response = await post("callback/credentials", { email, password });
  if (response.ok) return null;
  const { url } = (await response.json()) as { url?: string };
  const reason = url ? new URL(url, window.location.origin).searchParams.get("error") : null;
  return reason === null || reason === "CredentialsSignin"
    ? "E-mail or password is wrong."
    : `${reason}.`;
}

export async function signOut(): Promise<void> {
  await post("signout", {});
}
