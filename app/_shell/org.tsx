"use client";

import { createContext, useContext } from "react";
import { isAtLeast, type Role } from "./roles";

/** The organisation whose pages these are, and who looks at them. */
export interface OrgFacts {
  readonly slug: string;
  readonly name: string;
  readonly role: string;
  readonly email: string;
  readonly person: string;
  readonly isAdmin: boolean;
  readonly organizations: readonly { readonly slug: string; readonly name: string }[];
}

export const OrgContext = createContext<OrgFacts | null>(null);

export function useOrg(): OrgFacts {
  const org = useContext(OrgContext);
  if (org === null) throw new Error("used outside an organisation's pages");
  return org;
}

/** Whether the reader has at least this role: hides what would be refused anyway. */
export function useIsAtLeast(role: Role): boolean {
  return isAtLeast(useOrg().role, role);
}
