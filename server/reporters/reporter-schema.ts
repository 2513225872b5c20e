/** Every kind of reporter a configuration may name. */
import { z } from "zod";
import { mailNotifierSchema } from "./mail/schema";

export const reporterSchema = z.discriminatedUnion("type", [mailNotifierSchema]);

export type ReporterOptions = z.output<typeof reporterSchema>;

/** Buildbot's, so that one we do not have is not taken for a slip of the pen. */
export const REPORTER_TYPES_LATER = [
  ...["GitHubStatusPush", "GitHubCommentPush", "GitLabStatusPush", "HttpStatusPush", "IRC"],
  ...["BitbucketStatusPush", "BitbucketServerStatusPush", "GerritStatusPush", "TelegramBot"],
  ...["BitbucketServerPRCommentPush", "BitbucketServerCoreAPIStatusPush", "GerritVerifyStatusPush"],
  ...["ZulipStatusPush", "PushoverNotifier", "PushjetNotifier"],
];

export const REPORTER_OPTIONS_LATER = [
  ...["mode", "tags", "schedulers", "branches", "categories", "generators", "messageFormatter"],
  ...["addLogs", "addPatch", "buildSetSummary", "subject", "lookup", "extraRecipients"],
  ...["sendToInterestedUsers", "extraHeaders", "watchedWorkers", "messageFormatterMissingWorker"],
];

/** How a reporter is called on screens and in its row. */
export function reporterName(reporter: { readonly type: string; readonly name?: unknown }): string {
  return typeof reporter.name === "string" ? reporter.name : reporter.type;
}
