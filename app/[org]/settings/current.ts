import type { inferProcedureOutput } from "@trpc/server";
import { load } from "@/app/_server/api";
import type { AppRouter } from "@/server/api/router";

type Current = inferProcedureOutput<AppRouter["organizations"]["current"]>;

/** The organisation and the reader's role; asked once per request. */
export const current = (org: string): Promise<Current> =>
  load<Current>((api) => api.organizations.current.queryOptions({ org }));
