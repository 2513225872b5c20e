/** The `slipway` command. */
import { text } from "node:stream/consumers";
import { setTimeout } from "node:timers/promises";
import { hostEnvironment } from "../env";
import { runCli } from "./cli/run-cli";

// A reader that goes away (`slipway logs 7 | head`) is no fault.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  process.exit(error.code === "EPIPE" ? 0 : 70);
});

process.exitCode = await runCli(process.argv.slice(2), {
  out: (part) => process.stdout.write(part),
  err: (part) => process.stderr.write(part),
  env: hostEnvironment(),
  stdin: () => text(process.stdin),
  sleep: (ms) => setTimeout(ms),
});
