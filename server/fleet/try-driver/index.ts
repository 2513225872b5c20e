/**
 * Tests of drivers, each done by one `jobs` process. One that is asked for, cancelled, or whose machine
 * has logged in is announced; the sweep looks too, so that nothing hangs on an announcement. A test
 * whose process died is over, and its machine is the sweep's.
 */
import type { ProcessId } from "../../domain/ids";
import { mergeCalls } from "../../events/merge-calls";
import { noteStopping } from "./machine";
import { type DriverTestContext, runTest } from "./run-test";
import { claimTests, endTest, newsOf, type TestRow } from "./store";

export { noteTestLogin, TEST_LOGIN } from "./store";

/** Each waits nearly all of its time, most for a machine that boots. */
const AT_ONCE = 16;

export interface DriverTests {
  /** Begins what waits, and tells those that run what others wrote. Never rejects. */
  look(): Promise<void>;
  /** Those that run are given up, their machines too. */
  close(): Promise<void>;
}

interface Live {
  readonly cancel: AbortController;
  readonly loggedIn: (says: string) => void;
  readonly over: Promise<void>;
}

export function createDriverTests(
  context: DriverTestContext & { readonly processId: ProcessId },
): DriverTests {
  const { db, processId, log, actor, announce } = context;
  const live = new Map<number, Live>();
  let isClosed = false;

  function begin(test: TestRow): void {
    const cancel = new AbortController();
    let loggedIn = (_says: string) => {};
    const login = new Promise<string>((resolve) => {
      loggedIn = resolve;
    });
    const over = runTest(context, test, { cancelled: cancel.signal, login })
      .catch((error: unknown) => {
        // Its row stays ours: whoever finds us gone ends it and stops the machine.
        log("a test of a driver was left", { test: test.id, error });
      })
      .finally(() => {
        live.delete(test.id);
        if (!isClosed) void look();
      });
    live.set(test.id, { cancel, loggedIn, over });
  }

  async function bury(test: TestRow): Promise<void> {
    const { id, orgId, instanceId } = test;
    const now = context.now();
    if (instanceId !== null) {
      const machine = { id: instanceId, orgId, key: "" };
      const reason = "the process that tested it died";
      await noteStopping(db, machine, { reason, isFailed: false, inSeconds: 0 }, actor);
    }
    const stages = test.stages.map((stage) =>
      stage.state === "running"
        ? {
            ...stage,
            state: "failed" as const,
            endedAt: now,
            says: "The process that tried it died meanwhile.",
            advice: "Try it again. If a machine was made, it is being stopped.",
          }
        : stage.state === "pending"
          ? { ...stage, state: "skipped" as const }
          : stage,
    );
    await endTest(db, id, "failed", stages);
    announce();
  }

  const look = mergeCalls(
    async () => {
      if (isClosed) return;
      for (const news of await newsOf(db, processId)) {
        const test = live.get(news.id);
        if (news.isCancelled) test?.cancel.abort(news.cancelledBy ?? "somebody");
        if (news.login !== null) test?.loggedIn(news.login);
      }
      const room = AT_ONCE - live.size;
      if (room <= 0) return;
      for (const test of await claimTests(db, processId, room)) {
        if (test.isOrphan) await bury(test);
        else begin(test);
      }
    },
    (error) => log("tests of drivers left for the next look", { error }),
  );

  return {
    look,
    async close() {
      isClosed = true;
      for (const { cancel } of live.values()) cancel.abort("this process, which is stopping");
      await Promise.all([...live.values()].map(({ over }) => over));
    },
  };
}
