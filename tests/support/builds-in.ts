/** Builds of a whole installation: asked for, waited for, listened to. */
import { setTimeout } from "node:timers/promises";
import type { SlipwayInstance } from "./slipway-instance";

export interface Build {
  readonly buildid: number;
  readonly results: number | null;
}

export interface Builds {
  /** @returns the request */
  force(builder: string): Promise<number>;
  of(request: number): Promise<readonly Build[]>;
  /** The build with which the request came to its end, whatever of the installation ends meanwhile. */
  ended(request: number): Promise<Build>;
  /** What its last step printed, or another. */
  log(build: Build, step?: number): Promise<string>;
}

/** @param of is called when something is asked, not before */
export function buildsIn(of: () => SlipwayInstance): Builds {
  const builds: Builds = {
    async force(builder) {
      const { buildrequestids } = await of().call<{ buildrequestids: Record<string, number> }>(
        `builders/${builder}`,
        "force",
        { reason: "test" },
      );
      return Object.values(buildrequestids)[0] as number;
    },
    async of(request) {
      return (await of().get<{ builds: Build[] }>(`buildrequests/${request}/builds`)).builds;
    },
    async ended(request) {
      for (;;) {
        const { buildrequests } = await of()
          .get<{ buildrequests: { complete: boolean }[] }>(`buildrequests/${request}`)
          .catch(() => ({ buildrequests: [] }));
        if (buildrequests[0]?.complete) return (await builds.of(request)).at(-1) as Build;
        await setTimeout(50);
      }
    },
    async log({ buildid }, step) {
      const { steps } = await of().get<{ steps: { number: number }[] }>(`builds/${buildid}/steps`);
      const { logchunks } = await of().get<{ logchunks: { content: string }[] }>(
        `builds/${buildid}/steps/${step ?? steps.at(-1)?.number}/logs/stdio/contents`,
      );
      return logchunks.map(({ content }) => content).join("");
    },
  };
  return builds;
}
