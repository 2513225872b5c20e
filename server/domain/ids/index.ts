/**
 * Ids are bigints of the installation. They come out of PostgreSQL as numbers (safe to 2^53) and
 * are branded, so that a worker's id cannot pass for a build's.
 */
declare const kind: unique symbol;
export type Id<K extends string> = number & { readonly [kind]: K };

export type OrgId = Id<"organization">;
export type UserId = Id<"user">;
export type ProjectId = Id<"project">;
export type BuilderId = Id<"builder">;
export type BuilderConfigId = Id<"builder-config">;
export type WorkerId = Id<"worker">;
export type PoolId = Id<"pool">;
export type SessionId = Id<"worker-session">;
export type LossId = Id<"worker-loss">;
export type ProcessId = Id<"process">;
export type BuildsetId = Id<"buildset">;
export type BuildRequestId = Id<"build-request">;
export type BuildId = Id<"build">;
export type StepId = Id<"step">;
export type LogId = Id<"log">;
export type SchedulerId = Id<"scheduler">;
export type ChangeSourceId = Id<"change-source">;
export type ChangeId = Id<"change">;
export type InstanceId = Id<"instance">;
export type ApiTokenId = Id<"api-token">;

/** An id from outside (a path, a query, a message), or null when it is not one. */
export function parseId<T extends Id<string>>(text: string | number): T | null {
  const value = typeof text === "number" ? text : /^[1-9]\d{0,15}$/.test(text) ? Number(text) : 0;
  return Number.isSafeInteger(value) && value > 0 ? (value as T) : null;
}
