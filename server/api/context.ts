/**
 * What a call of the API knows: who calls, and how to reach what it needs. Made once per request.
 */
import type { SignedInUser } from "../auth/session";
import type { WebRuntime } from "./runtime";

export interface ApiContext {
  readonly runtime: Pick<
    WebRuntime,
    "env" | "db" | "commands" | "fleet" | "configChanged" | "repositoryAsked" | "driverTestAsked"
  >;
  readonly user: SignedInUser | null;
}
