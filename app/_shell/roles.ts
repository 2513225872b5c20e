/** Roles from the least to the most, as pages compare them; the server decides. */
export const ROLES = ["viewer", "developer", "maintainer", "admin", "owner"] as const;
export type Role = (typeof ROLES)[number];

export const isAtLeast = (role: string, needed: Role): boolean =>
  (ROLES as readonly string[]).indexOf(role) >= ROLES.indexOf(needed);
