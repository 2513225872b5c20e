/**
 * Procedures are built by adding facts: anybody → signed in → member of the organisation → may do
 * this. What a procedure gets in `ctx.org` is already scoped: its database shows one organisation.
 */
import { initTRPC, TRPCError } from "@trpc/server";
import superjson from "superjson";
import { z } from "zod";
import { type Action, actionWords, may, neededRole, type Role } from "../auth/roles";
import { roleIn, type SignedInUser } from "../auth/session";
import type { OrgDatabase } from "../db/org-database";
import type { Queryable } from "../db/pool";
import { AppError, type ErrorCode } from "../domain/errors";
import { FormInvalid } from "../domain/force";
import type { OrgId } from "../domain/ids";
import type { ApiContext } from "./context";

/** One organisation as one member sees it. */
export interface OrgScope {
  readonly orgId: OrgId;
  readonly slug: string;
  readonly name: string;
  readonly role: Role;
  readonly user: SignedInUser;
  /** For the engine's and the fleet's commands: who is recorded. */
  readonly caller: { readonly orgId: OrgId; readonly actor: string };
  /** One transaction that sees this organisation and nothing else. */
  within<T>(work: (tx: Queryable) => Promise<T>): Promise<T>;
}

const t = initTRPC.context<ApiContext>().create({
  transformer: superjson,
  errorFormatter({ shape, error }) {
    const app = error.cause instanceof AppError ? error.cause : null;
    return {
      ...shape,
      data: {
        code: shape.data.code,
        httpStatus: shape.data.httpStatus,
        path: shape.data.path,
        /** Of the catalogue; its page is docs/errors/<code>.md. */
        errorCode: (app?.code ?? null) as ErrorCode | null,
        retry: app?.entry.retry ?? null,
        details: app?.details ?? {},
        fields: fieldsOf(error.cause),
      },
    };
  },
});

/** Messages by the name of the field they belong to. */
function fieldsOf(cause: unknown): Record<string, string[] | undefined> | null {
  if (cause instanceof z.ZodError) return z.flattenError(cause).fieldErrors;
  if (!(cause instanceof FormInvalid)) return null;
  return Object.fromEntries(Object.entries(cause.fields).map(([name, text]) => [name, [text]]));
}

const TRPC_CODE = {
  400: "BAD_REQUEST",
  401: "UNAUTHORIZED",
  403: "FORBIDDEN",
  404: "NOT_FOUND",
  409: "CONFLICT",
  413: "PAYLOAD_TOO_LARGE",
  422: "UNPROCESSABLE_CONTENT",
  429: "TOO_MANY_REQUESTS",
  500: "INTERNAL_SERVER_ERROR",
  501: "NOT_IMPLEMENTED",
  503: "SERVICE_UNAVAILABLE",
} as const;

export function asTrpcError(error: AppError): TRPCError {
  return new TRPCError({
    code: TRPC_CODE[error.entry.status],
    message: error.message,
    cause: error,
  });
}

/** Faults of the catalogue keep their status; anything else says no more than that it broke. */
const withCatalogue = t.middleware(async ({ next }) => {
  const result = await next();
  if (result.ok) return result;
  const { cause } = result.error;
  if (cause instanceof AppError) throw asTrpcError(cause);
  if (result.error.code === "INTERNAL_SERVER_ERROR") {
    process.stderr.write(`api: ${cause?.stack ?? result.error.message}\n`);
    throw asTrpcError(new AppError("internal", {}, cause));
  }
  return result;
});

export const router = t.router;
export const createCallerFactory = t.createCallerFactory;

export const anybody = t.procedure.use(withCatalogue);

export const signedIn = anybody.use(({ ctx, next }) => {
  if (ctx.user === null) throw new AppError("auth.required");
  return next({ ctx: { ...ctx, user: ctx.user } });
});

export const member = signedIn
  .input(z.object({ org: z.string().min(1).max(64) }))
  .use(async ({ ctx, input, next }) => {
    const org = await orgScope(ctx.runtime, ctx.user, input.org);
    return next({ ctx: { ...ctx, org } });
  });

/** A member whose role allows the action. */
export const allowed = (action: Action) =>
  member.use(({ ctx, next }) => {
    mustBeAllowed(ctx.org, action);
    return next();
  });

/** @throws AppError auth.forbidden */
export function mustBeAllowed(org: OrgScope, action: Action): void {
  if (may(org.role, action)) return;
  throw new AppError("auth.forbidden", {
    action: actionWords(action),
    needs: `the role ${neededRole(action)}`,
  });
}

/** @throws AppError request.not-found for unknown and foreign organisations alike (C-164) */
export async function orgScope(
  { db }: Pick<ApiContext["runtime"], "db">,
  user: SignedInUser,
  slug: string,
): Promise<OrgScope> {
  const found =
    user.memberships.find((membership) => membership.slug === slug) ??
    (user.isAdmin ? await anyOrganization(db, slug) : undefined);
  const role = found ? roleIn(user, found.orgId) : null;
  if (!found || role === null) {
    throw new AppError("request.not-found", { what: `organisation ${slug}` });
  }
  return {
    orgId: found.orgId,
    slug: found.slug,
    name: found.name,
    role,
    user,
    caller: { orgId: found.orgId, actor: user.email },
    within: (work) => db.within({ orgId: found.orgId, userId: user.userId }, work),
  };
}

/** Administrators of the installation own every organisation. */
async function anyOrganization(db: OrgDatabase, slug: string) {
  const [row] = await db.within({}, (tx) =>
    tx.rows<{ orgId: OrgId; slug: string; name: string }>(
      `select id as "orgId", slug, name from organization where slug = $1`,
      [slug],
    ),
  );
  return row;
}
