/** The Docker driver on an engine of the test's own: orders, keys, and what was noted. */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type {
  InstanceHandle,
  InstanceReport,
  LatentDriver,
  StartOrder,
} from "../../server/drivers/contract";
import { dockerDriver } from "../../server/drivers/docker";
import { dockerConfigSchema } from "../../server/drivers/docker/schema";

export const SIGNAL = new AbortController().signal;
export const PASSWORD = "correct-horse-battery";

export interface DockerRig {
  /** On every machine of this rig. */
  readonly installation: string;
  /** What was noted, in all. */
  readonly notes: string[];
  open(options: object, ended?: () => void): LatentDriver;
  order(worker?: number, generation?: number): StartOrder;
  /** Looks until it is so. */
  until(
    driver: LatentDriver,
    handle: InstanceHandle,
    state: InstanceReport["state"],
  ): Promise<InstanceReport>;
}

export function createDockerRig(
  defaults: object,
  host: { readonly isHosted?: boolean; readonly contexts?: string | null } = {},
): DockerRig {
  const installation = randomBytes(4).toString("hex");
  const kind = dockerDriver({ isHosted: false, contexts: null, ...host });
  const notes: string[] = [];
  return {
    installation,
    notes,
    open(options, ended) {
      const config = dockerConfigSchema.parse({ ...defaults, ...options });
      return kind.open(config, {
        note: (line) => void notes.push(line),
        ...(ended && { ended }),
      });
    },
    order: (worker = 1, generation = 1) => ({
      key: `bb-${installation}-main-w${worker}-${generation}`,
      tag: { installation, organization: 1, worker, generation },
      agent: { host: "127.0.0.1", port: 9, protocol: "pb", name: `w${worker}`, password: PASSWORD },
    }),
    async until(driver, handle, state) {
      for (;;) {
        const report = await driver.inspect(handle, SIGNAL);
        if (report.state === state) return report;
        await sleep(20);
      }
    },
  };
}
