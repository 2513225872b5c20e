import { z } from "zod";
import { optionalText, url } from "./fields";
import { EnvError } from "./read-env";

const variables = z.object({ SLIPWAY_URL: url("http", "https"), SLIPWAY_TOKEN: optionalText });

/** Where remote commands go: an organisation's address, and the token that speaks for the caller. */
export interface RemoteEnv {
  /** `http://localhost:8010/main`, without a slash at its end. */
  readonly url: string;
  readonly token: string | null;
}

/** @throws EnvError naming the variable that is wrong or missing */
export function readRemoteEnv(
  source: Readonly<Record<string, string | undefined>> = process.env,
): RemoteEnv {
  const parsed = variables.safeParse(source);
  if (!parsed.success) {
    throw new EnvError(
      parsed.error.issues.map((issue) => `${issue.path.join(".")} ${issue.message}`),
    );
  }
  const { SLIPWAY_URL, SLIPWAY_TOKEN } = parsed.data;
  const such = "such as http://localhost:8010/main";
  if (!SLIPWAY_URL) {
    throw new EnvError([`SLIPWAY_URL must be set to the address of an organisation, ${such}`]);
  }
  const { pathname } = new URL(SLIPWAY_URL);
  if (!/^\/[^/]+\/?$/.test(pathname)) {
    throw new EnvError([
      `SLIPWAY_URL must end with the organisation's name and nothing behind it, ${such}`,
    ]);
  }
  return { url: SLIPWAY_URL.replace(/\/+$/, ""), token: SLIPWAY_TOKEN ?? null };
}

/** The environment as it is, for the command line to hand to the readers above and beside it. */
export function hostEnvironment(): Readonly<Record<string, string | undefined>> {
  return process.env;
}
