/**
 * Who may do what in an organisation (C-161). Each role may do all that the one below it may;
 * what is not listed is denied.
 */
import { compileGlob, type Pattern } from "../domain/patterns";

export const ROLES = ["viewer", "developer", "maintainer", "admin", "owner"] as const;
export type Role = (typeof ROLES)[number];

/** The least role that may. */
const NEEDED = {
  view: "viewer",
  force: "developer",
  rebuild: "developer",
  "stop-own": "developer",
  "stop-any": "maintainer",
  workers: "maintainer",
  join: "maintainer",
  schedulers: "maintainer",
  config: "maintainer",
  secrets: "admin",
  members: "admin",
  tokens: "admin",
  limits: "owner",
} as const satisfies Record<string, Role>;

export type Action = keyof typeof NEEDED;

export function may(role: Role | null, action: Action): boolean {
  return role !== null && ROLES.indexOf(role) >= ROLES.indexOf(NEEDED[action]);
}

const WORDS: Readonly<Record<Action, string>> = {
  view: "looking at it",
  force: "starting a build",
  rebuild: "building again",
  "stop-own": "stopping a build",
  "stop-any": "stopping the build of somebody else",
  workers: "steering workers",
  join: "joining a pool",
  schedulers: "switching schedulers",
  config: "the configuration",
  secrets: "secrets",
  members: "changing members",
  tokens: "API tokens",
  limits: "changing limits",
};

/** What is done, for the beginning of a refusal. */
export function actionWords(action: Action): string {
  return WORDS[action];
}

/** The least role that may, for the sentence of a refusal. */
export function neededRole(action: Action): Role {
  return NEEDED[action];
}

export function isRole(value: unknown): value is Role {
  return (ROLES as readonly unknown[]).includes(value);
}

/** What an API token was made for (C-163). */
export const SCOPES = ["read", "trigger", "workers", "config", "join"] as const;
export type Scope = (typeof SCOPES)[number];

const SCOPE_OF: Readonly<Record<Action, Scope | null>> = {
  view: "read",
  force: "trigger",
  rebuild: "trigger",
  "stop-own": "trigger",
  "stop-any": "trigger",
  workers: "workers",
  join: "join",
  schedulers: "config",
  config: "config",
  secrets: "config",
  members: null,
  tokens: null,
  limits: null,
};

/** The scope that lets a token do this; null: no token may. */
export function scopeFor(action: Action): Scope | null {
  return SCOPE_OF[action];
}

/**
 * `trigger:docs-*`: of builders whose names match the glob alone (C-163); `join:linux`: of such pools
 * alone (K-037).
 */
export type TokenScope = Scope | `trigger:${string}` | `join:${string}`;

const LIMITED: readonly Scope[] = ["trigger", "join"];
const MAX_GLOB = 200;

export function isTokenScope(text: string): text is TokenScope {
  if ((SCOPES as readonly string[]).includes(text)) return true;
  return LIMITED.some((scope) => text.startsWith(`${scope}:`)) && globOf(text) !== null;
}

/** @param name the builder or pool it is about; without one, whether it may do so to any */
export function scopesAllow(scopes: readonly TokenScope[], action: Action, name?: string): boolean {
  const scope = scopeFor(action);
  if (scope === null) return false;
  if (scopes.includes(scope)) return true;
  if (!LIMITED.includes(scope)) return false;
  return scopes.some(
    (one) =>
      one.startsWith(`${scope}:`) && (name === undefined || globOf(one)?.matchesAll(name) === true),
  );
}

function globOf(scope: string): Pattern | null {
  const glob = scope.slice(scope.indexOf(":") + 1);
  if (glob === "" || glob.length > MAX_GLOB) return null;
  try {
    return compileGlob(glob);
  } catch {
    return null;
  }
}
