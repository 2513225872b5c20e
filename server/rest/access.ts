/**
 * Who asks, and may they. A token speaks for itself; without one the browser's session counts;
 * a public organisation may be read by anybody. Strangers learn nothing, not even which
 * organisations there are.
 */
import {
  type Action,
  type AuthRuntime,
  actionWords,
  authenticateToken,
  isSameOrigin,
  may,
  neededRole,
  roleIn,
  scopeFor,
  scopesAllow,
  type TokenHolder,
  touchToken,
  userOf,
} from "../auth";
import type { Queryable } from "../db/pool";
import { AppError } from "../domain/errors";
import type { Validation } from "../domain/force";
import type { ApiTokenId, OrgId } from "../domain/ids";
import type { Organization } from "./organizations";

export interface Asker {
  /** As histories name them. */
  readonly actor: string;
  /** Null: a person, or anybody. */
  readonly tokenId: ApiTokenId | null;
  can(action: Action): boolean;
  /**
   * @param builder whose builds it is about; without one, whether it may do so to any
   * @throws AppError auth.forbidden
   */
  mustBeAbleTo(action: Action, builder?: string): void;
  /** It may do to some builders what it may not do to others. */
  readonly isLimited: boolean;
}

export interface AccessDeps extends AuthRuntime {
  readonly organization: (slug: string) => Promise<Organization | null>;
}

/** A request on its way to what it asks: `within` opens the transaction and knows the asker. */
export interface Admission {
  readonly orgId: OrgId;
  readonly slug: string;
  readonly validation: Validation;
  /** One transaction of the organisation, in which the asker was found out first. */
  within<T>(work: (tx: Queryable, asker: Asker) => Promise<T>): Promise<T>;
}

/** @throws AppError auth.*, request.not-found */
export async function admit(deps: AccessDeps, slug: string, headers: Headers): Promise<Admission> {
  const organization = await deps.organization(slug);
  const header = headers.get("authorization");
  if (header !== null) {
    // The same answer as to a wrong token.
    if (!organization) throw new AppError("auth.invalid-token");
    return withToken(deps, organization, header);
  }
  const user = headers.has("cookie") ? await userOf(deps, headers) : null;
  if (!organization) throw user ? notFound() : new AppError("auth.required");
  const role = roleIn(user, organization.id) ?? (organization.isPublic ? "viewer" : null);
  if (role === null) throw user ? notFound() : new AppError("auth.required");

  const isOurPage = isSameOrigin(headers, deps.env.web.publicUrl);
  const asker: Asker = {
    actor: user?.email ?? "anonymous",
    tokenId: null,
    can: (action) => may(role, action),
    isLimited: false,
    mustBeAbleTo(action) {
      if (!may(role, action)) {
        if (user === null) throw new AppError("auth.required");
        throw forbidden(action, `the role ${neededRole(action)}`);
      }
      if (action !== "view" && !isOurPage) throw forbidden(action, "a request from our own page");
    },
  };
  return {
    orgId: organization.id,
    slug,
    validation: organization.validation,
    within: (work) => deps.db.within({ orgId: organization.id }, (tx) => work(tx, asker)),
  };
}

function withToken(deps: AccessDeps, organization: Organization, header: string): Admission {
  const scope = { orgId: organization.id };
  return {
    orgId: organization.id,
    slug: organization.slug,
    validation: organization.validation,
    async within(work) {
      let stale: (() => Promise<void>) | null = null;
      const result = await deps.db.within(scope, async (tx) => {
        const holder = await authenticateToken(tx, organization.id, header);
        if (holder.isStale) {
          stale = () => deps.db.within(scope, (later) => touchToken(later, holder.tokenId));
        }
        return work(tx, tokenAsker(holder));
      });
      // Nobody waits for the note of when a token was last used, and nobody misses it.
      (stale as (() => Promise<void>) | null)?.().catch(() => {});
      return result;
    },
  };
}

function tokenAsker({ actor, tokenId, scopes }: TokenHolder): Asker {
  return {
    ...{ actor, tokenId },
    can: (action) => scopesAllow(scopes, action),
    isLimited: scopes.some((scope) => scope.startsWith("trigger:")) && !scopes.includes("trigger"),
    mustBeAbleTo(action, builder) {
      if (scopesAllow(scopes, action, builder)) return;
      const what = action === "join" ? "pool" : "builder";
      const of = builder === undefined ? "" : ` for ${what} ${builder}`;
      throw forbidden(action, `a token with scope ${scopeFor(action) ?? "none"}${of}`);
    },
  };
}

function forbidden(action: Action, needs: string): AppError {
  return new AppError("auth.forbidden", { action: actionWords(action), needs });
}

function notFound(): AppError {
  return new AppError("request.not-found", { what: "organisation" });
}
