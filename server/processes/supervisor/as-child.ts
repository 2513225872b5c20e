import type { FromChild, ToChild } from "./child-spec";

export interface ChildLink {
  /** The process serves: to be said once. Does nothing when it was started by hand. */
  ready(): void;
}

/**
 * For `web`, `socket` and `jobs`: joins the supervisor that started this process, or stands alone.
 *
 * `onStop` is called once, when the supervisor asks, when it is gone, or on SIGTERM (and on SIGINT
 * when started by hand: under a supervisor Ctrl-C reaches everybody, and the supervisor decides the
 * order). The process exits when `onStop` settles, with status 1 when it rejects.
 */
export function asChild(onStop: () => Promise<void>): ChildLink {
  const isSupervised = process.channel !== undefined;
  let isStopping = false;
  const stop = () => {
    if (isStopping) return;
    isStopping = true;
    onStop().then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", () => {
    if (!isSupervised) stop();
  });
  if (isSupervised) {
    process.on("disconnect", stop);
    process.on("message", (message: ToChild) => {
      if (message?.type === "stop") stop();
    });
  }
  return {
    ready: () => {
      const message: FromChild = { type: "ready" };
      if (process.connected) process.send?.(message);
    },
  };
}
