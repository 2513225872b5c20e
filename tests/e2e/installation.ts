/** Starts the installation that most journeys share, and stops it when all are done. */
import { startSlipway } from "../support/slipway-instance";
import { ADMIN, handOver } from "./handover";
import { CONFIG } from "./recipes";

export default async function setUp(): Promise<() => Promise<void>> {
  const slipway = await startSlipway({
    config: CONFIG,
    env: {
      SLIPWAY_ADMIN_EMAIL: ADMIN.email,
      SLIPWAY_ADMIN_PASSWORD: ADMIN.password,
      // Workers' doors listen on this address alone, so it is where commands on pages must point.
      SLIPWAY_WORKER_ADVERTISE: "127.0.0.1",
    },
    onLine: (line) => {
      if (process.env.SLIPWAY_TEST_VERBOSE) console.log(`slipway: ${line}`);
    },
  });
  const { url, token, pbPort } = slipway;
  handOver({ url, token, pbPort });
  return () => slipway.stop();
}
