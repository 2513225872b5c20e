import { z } from "zod";
import { AppError } from "../../domain/errors";
import { isLoopback } from "../../env";
import type { ApiContext } from "../context";
import type { OrgScope } from "../trpc";
import { type Authority, authorityOf } from "./authority";

export const connectionInput = z.object({ workerId: z.number().int().positive() });

/** How workers reach us, whoever they are. */
export interface Doors {
  /** Where workers are told to connect. */
  host: string;
  /** Ports of the two doors; null: that door is closed. */
  pbPort: number | null;
  msgpackPort: number | null;
  /** The doors listen on an address that no other machine can reach. */
  isThisHostOnly: boolean;
  /** What workers must trust; null: the doors do not speak TLS. */
  tls: Authority | null;
}

export interface Connection extends Doors {
  loginName: string;
}

/** What a worker needs to find us, without its password. */
export async function connection(
  ctx: ApiContext,
  org: OrgScope,
  input: z.output<typeof connectionInput>,
): Promise<Connection> {
  const [row] = await org.within((tx) =>
    tx.rows<{ loginName: string }>(
      `select login_name as "loginName" from worker where org_id = $1 and id = $2`,
      [org.orgId, input.workerId],
    ),
  );
  if (row === undefined) throw new AppError("request.not-found", { what: "worker" });
  return { loginName: row.loginName, ...(await doors(ctx)) };
}

export async function doors(ctx: ApiContext): Promise<Doors> {
  const { workers } = ctx.runtime.env;
  return {
    host: workers.advertise,
    pbPort: workers.pbPort,
    msgpackPort: workers.msgpackPort,
    isThisHostOnly: isLoopback(workers.bind),
    tls: workers.tls === null ? null : await authorityOf(workers.tls.certFile),
  };
}
