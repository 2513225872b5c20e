import { z } from "zod";
import { AppError } from "../../domain/errors";
import type { ApiContext } from "../context";
import type { OrgScope } from "../trpc";

export const connectionInput = z.object({ workerId: z.number().int().positive() });

export interface Connection {
  /** Host and port a worker connects to; null: that door is closed. */
  pb: string | null;
  msgpack: string | null;
  loginName: string;
  /** Whether the doors speak TLS. */
  isTls: boolean;
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
  const { workers } = ctx.runtime.env;
  const at = (port: number | null) => (port === null ? null : `${workers.advertise}:${port}`);
  return {
    pb: at(workers.pbPort),
    msgpack: at(workers.msgpackPort),
    loginName: row.loginName,
    isTls: workers.tls !== null,
  };
}
