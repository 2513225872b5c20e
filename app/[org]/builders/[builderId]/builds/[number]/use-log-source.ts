"use client";

import { useEffect, useMemo } from "react";
import * as z from "zod/mini";
import { useChannel, useLiveState } from "@/app/_client/live";
import { useTRPCClient } from "@/app/_client/trpc";
import { createLogSource, type LogSource } from "@/app/_features/log-viewer/source";
import { useOrg } from "@/app/_shell/org";
import type { LogRef } from "@/server/api/builds/one";

/** `lines` is how many there are by now. */
const news = z.object({
  lines: z.optional(z.int().check(z.minimum(0))),
  isComplete: z.optional(z.boolean()),
});

/** The lines of a log for the viewer: asked for by number, with news of more from the channel. */
export function useLogSource(log: LogRef): LogSource {
  const org = useOrg();
  const client = useTRPCClient();
  const channel = useChannel();
  const live = useLiveState();
  const { id } = log;
  // biome-ignore lint/correctness/useExhaustiveDependencies: one source per log; news come below
  const source = useMemo(() => {
    const made = createLogSource(log, async (from, count) => {
      const answer = await client.logs.lines.query({ org: org.slug, logId: id, from, count });
      made.update(answer);
      return answer.lines;
    });
    return made;
  }, [client, org.slug, id]);

  // The page's own answer is news too: it comes after every reconnection.
  useEffect(() => {
    source.update({ lineCount: log.lineCount, isComplete: log.isComplete });
  }, [source, log.lineCount, log.isComplete]);

  useEffect(() => {
    source.update({ isConnected: live !== "lost" });
  }, [source, live]);

  useEffect(() => {
    if (source.isComplete) return;
    const ask = () =>
      void client.logs.lines
        .query({ org: org.slug, logId: id, from: 0, count: 0 })
        .then((answer) => source.update(answer))
        .catch(() => {});
    return channel.listen(
      [`log:${id}`],
      ({ topic, body }) => {
        const { lines, isComplete } = news.safeParse(body).data ?? {};
        if (topic.endsWith("/append")) source.update({ lineCount: lines, isComplete });
        // It is finished: how many lines it has in the end is asked, then it is complete.
        else ask();
      },
      // What was missed while nobody listened.
      ask,
    );
  }, [channel, source, client, org.slug, id]);
  return source;
}
