/**
 * Which subscriptions an event belongs to. The server sends events under their own paths, as
 * Buildbot spells them (`builds/12/finished`); pages subscribe to `builds`, `build:12`, `log:7`.
 */
export interface LiveEvent {
  readonly topic: string;
  readonly body: unknown;
}

export function subscriptionsOf({ topic, body }: LiveEvent): string[] {
  const [kind = "", id] = topic.split("/");
  const of = (name: string, field: string): string[] => {
    const value = (body as Record<string, unknown> | null)?.[field];
    return typeof value === "number" ? [`${name}:${value}`] : [];
  };
  switch (kind) {
    case "builds":
      return ["builds", `build:${id}`, ...of("builder", "builderId"), ...of("worker", "workerId")];
    case "steps":
      return of("build", "buildId");
    case "logs":
      return [`log:${id}`, ...of("build", "buildId")];
    case "buildrequests":
      return ["requests", ...of("builder", "builderId")];
    case "workers":
      return ["workers", `worker:${id}`];
    case "instances":
      return ["instances", `instance:${id}`];
    case "pools":
      return ["pools", `pool:${id}`];
    case "drivertests":
      return [`drivertest:${id}`];
    default:
      return [kind];
  }
}

/** News of lines concern the log's own viewer, and nobody who shows the build around it. */
export const isLogGrowth = (event: LiveEvent): boolean => /^logs\/\d+\/append$/.test(event.topic);
