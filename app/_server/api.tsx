import "server-only";
import { dehydrate, HydrationBoundary } from "@tanstack/react-query";
import { TRPCError } from "@trpc/server";
import { createTRPCOptionsProxy } from "@trpc/tanstack-react-query";
import { headers } from "next/headers";
import { notFound, redirect } from "next/navigation";
import { cache, type ReactNode } from "react";
import { appRouter } from "@/server/api/router";
import { webRuntime } from "@/server/api/runtime";
import { currentUser } from "@/server/auth";
import { makeQueryClient } from "../_client/query-client";

/** One per request: what a page loads on the server, and hands to the browser already answered. */
export const queryClient = cache(makeQueryClient);

export const user = cache(() => currentUser(webRuntime()));

const proxy = cache(() =>
  createTRPCOptionsProxy({
    router: appRouter,
    queryClient: queryClient(),
    ctx: async () => ({ runtime: webRuntime(), user: await user() }),
  }),
);

type Api = ReturnType<typeof proxy>;

/**
 * Loads what the page will show first. What is not there, or belongs to strangers, is the 404 page;
 * somebody signed out is asked to sign in.
 */
export async function load<T>(query: (api: Api) => { queryKey: readonly unknown[] }): Promise<T> {
  return orElsewhere(() => queryClient().fetchQuery(query(proxy()) as never) as Promise<T>);
}

/** The same for the first page of a list. */
export async function loadInfinite(
  query: (api: Api) => { queryKey: readonly unknown[] },
): Promise<void> {
  await orElsewhere(() => queryClient().fetchInfiniteQuery(query(proxy()) as never));
}

async function orElsewhere<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof TRPCError && error.code === "NOT_FOUND") notFound();
    if (error instanceof TRPCError && error.code === "UNAUTHORIZED") redirect(await signInHere());
    throw error;
  }
}

/** The sign-in page, and back here afterwards. */
async function signInHere(): Promise<string> {
  const here = (await headers()).get("x-slipway-path");
  return here ? `/sign-in?${new URLSearchParams({ callbackUrl: here })}` : "/sign-in";
}

/** Everything loaded so far in this request goes to the browser with these children. */
export function Loaded(props: { readonly children: ReactNode }) {
  return <HydrationBoundary state={dehydrate(queryClient())}>{props.children}</HydrationBoundary>;
}
