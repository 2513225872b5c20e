/** What a signed-in browser asks of the pages' API, without a browser. */

export interface BrowserCalls {
  /** @returns the answer. @throws Error with what it says when it is refused */
  query<T>(path: string, input: object): Promise<T>;
  /** @returns the answer. @throws Error with what it says when it is refused */
  mutate<T>(path: string, input: object): Promise<T>;
}

export async function signIn(
  url: string,
  person: { readonly email: string; readonly password: string },
): Promise<BrowserCalls> {
  const jar = new Map<string, string>();
  const call = async (path: string, init: RequestInit = {}) => {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
    const headers = { ...init.headers, cookie, origin: url };
    const response = await fetch(`${url}${path}`, { ...init, headers, redirect: "manual" });
    for (const line of response.headers.getSetCookie()) {
      const [pair = ""] = line.split(";");
      const at = pair.indexOf("=");
      jar.set(pair.slice(0, at), pair.slice(at + 1));
    }
    return response;
  };
  const { csrfToken } = (await (await call("/api/auth/csrf")).json()) as { csrfToken: string };
  await call("/api/auth/callback/credentials", {
    method: "POST",
    body: new URLSearchParams({ ...person, csrfToken }),
  });
  const ask = async <T>(path: string, init?: RequestInit): Promise<T> => {
    const response = await call(`/api/trpc/${path}`, init);
    const answer = (await response.json()) as {
      result?: { data: { json: unknown } };
      error?: unknown;
    };
    if (!response.ok) throw new Error(`${response.status} ${JSON.stringify(answer)}`);
    return answer.result?.data.json as T;
  };
  return {
    query: (path, input) =>
      ask(`${path}?${new URLSearchParams({ input: JSON.stringify({ json: input }) })}`),
    mutate: (path, input) =>
      ask(path, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ json: input }),
      }),
  };
}
