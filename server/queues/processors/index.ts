/** What each job does; payloads are parsed at this edge. */

import { AppError } from "../../domain/errors";
import type { ChangeSourceId, LossId, OrgId, WorkerId } from "../../domain/ids";
import { CATALOG, type JobName } from "../catalog";

export interface Processors {
  distribute(orgId: OrgId): Promise<void>;
  poll(id: ChangeSourceId): Promise<void>;
  alarm(): Promise<void>;
  mail(lossId: LossId): Promise<void>;
  notice(noticeId: number): Promise<void>;
  see(workerId: WorkerId): Promise<void>;
  sweep(): Promise<void>;
  maintain(): Promise<void>;
}

export function createProcessor(processors: Processors) {
  return async ({ name, data }: { name: string; data: unknown }): Promise<void> => {
    switch (name as JobName) {
      case "distribute": {
        const { orgId } = CATALOG.distribute.payload.parse(data);
        return processors.distribute(orgId as OrgId);
      }
      case "poll": {
        const { changeSourceId } = CATALOG.poll.payload.parse(data);
        return processors.poll(changeSourceId as ChangeSourceId);
      }
      case "alarm":
        return processors.alarm();
      case "mail": {
        const { lossId } = CATALOG.mail.payload.parse(data);
        return processors.mail(lossId as LossId);
      }
      case "notice": {
        const { noticeId } = CATALOG.notice.payload.parse(data);
        return processors.notice(noticeId);
      }
      case "see": {
        const { workerId } = CATALOG.see.payload.parse(data);
        return processors.see(workerId as WorkerId);
      }
      case "sweep":
        return processors.sweep();
      case "maintain":
        return processors.maintain();
      default:
        throw new AppError("request.malformed", { problem: `no job is called ${name}` });
    }
  };
}
