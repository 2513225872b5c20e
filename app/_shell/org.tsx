"use client";

import { createContext, useContext } from "react";

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

const RANKS = ["viewer", "developer", "maintainer", "admin", "owner"];

/** Whether the reader has at least this role: hides what would be refused anyway. */
export function useIsAtLeast(role: "developer" | "maintainer" | "admin" | "owner"): boolean {
  return RANKS.indexOf(useOrg().role) >= RANKS.indexOf(role);
}
