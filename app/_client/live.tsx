"use client";

import { useQueryClient } from "@tanstack/react-query";
import { createContext, type ReactNode, useContext, useEffect, useRef, useState } from "react";
import type { Socket } from "socket.io-client";
import { isLogGrowth, type LiveEvent, subscriptionsOf } from "./live-topics";

/**
 * The live channel: one socket per tab. Pages name topics; the server sends what changed, and the
 * page asks again for what it shows. Nothing of an event's body is shown directly, so a lost event
 * can never leave a wrong picture: after each reconnection everything on the page is asked again.
 *
 * What a page shows was read before anybody listened for it. So whoever listens is told when the
 * server has begun to send, and asks once more: what happened in between was said to nobody.
 */
export type LiveState = "connecting" | "live" | "lost";

type Listener = (event: LiveEvent) => void;

export interface Channel {
  /** Events of these topics until the answer is called; `onJoined` each time they begin to come. */
  listen(topics: readonly string[], listener: Listener, onJoined: () => void): () => void;
}

const ChannelContext = createContext<Channel>({ listen: () => () => {} });
const StateContext = createContext<LiveState>("connecting");

export const useChannel = () => useContext(ChannelContext);
export const useLiveState = () => useContext(StateContext);

export function LiveProvider(props: { readonly org: string; readonly children: ReactNode }) {
  const queries = useQueryClient();
  const [state, setState] = useState<LiveState>("connecting");
  const [hub] = useState(makeHub);

  useEffect(() => {
    let socket: Socket | null = null;
    let isOver = false;
    let wasLost = false;
    void import("socket.io-client").then(({ io }) => {
      if (isOver) return;
      socket = io({ path: "/socket.io", reconnectionDelayMax: 10_000 });
      const live = socket;
      const subscribe: Join = (topics, onJoined) => {
        if (topics.length === 0 || !live.connected) return;
        live.emit("subscribe", { org: props.org, topics }, onJoined);
      };
      hub.attach(subscribe, (topics) => {
        if (live.connected) live.emit("unsubscribe", { org: props.org, topics });
      });
      live.on("connect", () => {
        const isBack = wasLost;
        wasLost = false;
        setState("live");
        subscribe(hub.topics(), () => {
          hub.joined();
          if (isBack) void queries.invalidateQueries();
        });
      });
      const lose = () => {
        wasLost = true;
        setState("lost");
      };
      live.on("disconnect", lose);
      live.on("connect_error", lose);
      live.on("events", (events: LiveEvent[]) => hub.deliver(events));
    });
    return () => {
      isOver = true;
      hub.attach(null, null);
      socket?.close();
    };
  }, [hub, props.org, queries]);

  // Without the channel the page still moves, slowly.
  useEffect(() => {
    if (state !== "lost") return;
    const timer = setInterval(() => {
      if (!document.hidden) void queries.invalidateQueries();
    }, 15_000);
    return () => clearInterval(timer);
  }, [state, queries]);

  return (
    <ChannelContext.Provider value={hub}>
      <StateContext.Provider value={state}>{props.children}</StateContext.Provider>
    </ChannelContext.Provider>
  );
}

/**
 * Asks again for `keys` when something happens under `topics`: at most four times a second, or as
 * seldom as the caller wants, and every five seconds while the tab is hidden.
 */
export function useLive(
  topics: readonly string[],
  keys: readonly (readonly unknown[])[],
  everyMs = 250,
): void {
  const channel = useChannel();
  const queries = useQueryClient();
  const newest = useRef(keys);
  newest.current = keys;
  const pause = useRef(everyMs);
  pause.current = everyMs;
  const wanted = topics.join(" ");
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = () => {
      timer = undefined;
      for (const queryKey of newest.current) void queries.invalidateQueries({ queryKey });
    };
    const stop = channel.listen(
      wanted.split(" "),
      (event) => {
        if (isLogGrowth(event)) return;
        timer ??= setTimeout(ask, document.hidden ? Math.max(5_000, pause.current) : pause.current);
      },
      ask,
    );
    return () => {
      clearTimeout(timer);
      stop();
    };
  }, [channel, queries, wanted]);
}

type Join = (topics: readonly string[], onJoined: () => void) => void;

interface Hub extends Channel {
  attach(join: Join | null, leave: ((topics: readonly string[]) => void) | null): void;
  topics(): string[];
  /** All topics are subscribed to, on a new connection. */
  joined(): void;
  deliver(events: readonly LiveEvent[]): void;
}

/** Who listens to what; outlives connections. */
export function makeHub(): Hub {
  const listeners = new Map<string, Set<Listener>>();
  const joinedCalls = new Set<() => void>();
  let join: Join | null = null;
  let leave: ((topics: readonly string[]) => void) | null = null;
  return {
    attach(onJoin, onLeave) {
      join = onJoin;
      leave = onLeave;
    },
    topics: () => [...listeners.keys()],
    joined() {
      for (const tell of joinedCalls) tell();
    },
    deliver(events) {
      for (const event of events) {
        const told = new Set<Listener>();
        for (const topic of subscriptionsOf(event)) {
          for (const listener of listeners.get(topic) ?? []) told.add(listener);
        }
        for (const listener of told) listener(event);
      }
    },
    listen(topics, listener, onJoined) {
      let isGone = false;
      const tell = () => {
        if (!isGone) onJoined();
      };
      joinedCalls.add(tell);
      for (const topic of topics) {
        const set = listeners.get(topic) ?? new Set();
        set.add(listener);
        listeners.set(topic, set);
      }
      // Also those that others listen to already: the answer says from when on nothing is missed.
      join?.(topics, tell);
      return () => {
        isGone = true;
        joinedCalls.delete(tell);
        const gone: string[] = [];
        for (const topic of topics) {
          const set = listeners.get(topic);
          set?.delete(listener);
          if (set?.size === 0) {
            listeners.delete(topic);
            gone.push(topic);
          }
        }
        if (gone.length > 0) leave?.(gone);
      };
    },
  };
}
