import { queueAnswers } from "../../queues/answers";
import type { WebRuntime } from "../runtime";
import { createHealthCheck, type Health } from "./check-health";

export type { Health };

const PATIENCE_MS = 1_500;

export function healthCheck({ db, env }: WebRuntime): () => Promise<Health> {
  return createHealthCheck({
    db,
    queueAnswers: () => queueAnswers(env, PATIENCE_MS),
    patienceMs: PATIENCE_MS,
  });
}
