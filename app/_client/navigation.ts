/** The places of an organisation: the sidebar, the command menu and the keys come from this list. */
export interface Place {
  readonly id: string;
  readonly label: string;
  /** Below `/{org}`; "" is the home page. */
  readonly path: string;
  /** Typed one after the other; null: reached by menus only. */
  readonly keys: string | null;
  readonly group: "watch" | "fleet" | "settings";
  /** Stroked paths in a 16 × 16 box. */
  readonly icon: string;
}

export const PLACES: readonly Place[] = [
  {
    id: "home",
    label: "Board",
    path: "",
    keys: "g h",
    group: "watch",
    icon: "M2 13.5V8.5M6 13.5V3.5M10 13.5V6.5M14 13.5V5",
  },
  {
    id: "builders",
    label: "Builders",
    path: "/builders",
    keys: "g b",
    group: "watch",
    icon: "M2.5 4h11M2.5 8h11M2.5 12h7",
  },
  {
    id: "builds",
    label: "Builds",
    path: "/builds",
    keys: "g l",
    group: "watch",
    icon: "M8 2v6l3.5 2.5M8 14A6 6 0 1 1 8 2",
  },
  {
    id: "requests",
    label: "Pending",
    path: "/requests",
    keys: "g r",
    group: "watch",
    icon: "M4 2h8M4 14h8M5 2c0 3 2 4.5 3 6-1 1.5-3 3-3 6M11 2c0 3-2 4.5-3 6 1 1.5 3 3 3 6",
  },
  {
    id: "changes",
    label: "Changes",
    path: "/changes",
    keys: "g n",
    group: "watch",
    icon: "M8 2v4M8 10v4M8 6a2 2 0 1 1 0 4 2 2 0 0 1 0-4z",
  },
  {
    id: "schedulers",
    label: "Schedulers",
    path: "/schedulers",
    keys: "g s",
    group: "watch",
    icon: "M2.5 4h11v9.5h-11zM2.5 7h11M5 2v3M11 2v3M5.5 10h2.5",
  },
  {
    id: "workers",
    label: "Workers",
    path: "/workers",
    keys: "g w",
    group: "fleet",
    icon: "M2 3h12v4H2zM2 9h12v4H2zM4.5 5h.1M4.5 11h.1",
  },
  {
    id: "instances",
    label: "Instances",
    path: "/instances",
    keys: "g i",
    group: "fleet",
    icon: "M2.5 3h11v7h-11zM6 13h4M8 10v3M5 6.5h2.5M5 8.5h1",
  },
  {
    id: "pools",
    label: "Pools",
    path: "/pools",
    keys: "g o",
    group: "fleet",
    icon: "M2 9h3v5H2zM6.5 5.5h3V14h-3zM11 2h3v12h-3z",
  },
  {
    id: "welcome",
    label: "Set up",
    path: "/welcome",
    keys: null,
    group: "settings",
    icon: "M2.5 4.5l1.2 1.2L6 3.4M2.5 11.5l1.2 1.2L6 10.4M8.5 4.5h5M8.5 11.5h5",
  },
  {
    id: "projects",
    label: "Projects",
    path: "/settings/projects",
    keys: "g p",
    group: "settings",
    icon: "M2 4.5h4l1.5 1.5H14v7H2z",
  },
  {
    id: "configuration",
    label: "Configuration",
    path: "/settings/configuration",
    keys: "g c",
    group: "settings",
    icon: "M6 3L2.5 8 6 13M10 3l3.5 5-3.5 5",
  },
  {
    id: "secrets",
    label: "Secrets",
    path: "/settings/secrets",
    keys: "g x",
    group: "settings",
    icon: "M3 7.5h10v6H3zM5 7.5V5a3 3 0 0 1 6 0v2.5M8 10v1.5",
  },
  {
    id: "members",
    label: "Members",
    path: "/settings/members",
    keys: "g m",
    group: "settings",
    icon: "M8 7.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM3 13.5c0-2.5 2-4 5-4s5 1.5 5 4",
  },
  {
    id: "tokens",
    label: "API tokens",
    path: "/settings/tokens",
    keys: "g k",
    group: "settings",
    icon: "M6.5 9.5a3.5 3.5 0 1 1 0-.1zM7 8h7v2.5M11.5 8v2",
  },
  {
    id: "account",
    label: "My sessions",
    path: "/settings/sessions",
    keys: null,
    group: "settings",
    icon: "M2 3h12v8H2zM6 14h4M8 11v3",
  },
];

export const GROUPS = { watch: "Watch", fleet: "Fleet", settings: "Settings" } as const;

/** The place a path belongs to: the longest that it begins with. */
export function placeOf(path: string): Place | undefined {
  return [...PLACES]
    .sort((a, b) => b.path.length - a.path.length)
    .find((place) =>
      place.path === "" ? path === "" : path === place.path || path.startsWith(`${place.path}/`),
    );
}

/** Where things are shown. */
export const routes = {
  home: (org: string) => `/${org}`,
  builder: (org: string, builderId: number) => `/${org}/builders/${builderId}`,
  build: (org: string, builderId: number, number: number) =>
    `/${org}/builders/${builderId}/builds/${number}`,
  buildById: (org: string, buildId: number) => `/${org}/builds/${buildId}`,
  request: (org: string, requestId: number) => `/${org}/requests/${requestId}`,
  worker: (org: string, workerId: number) => `/${org}/workers/${workerId}`,
  instances: (org: string) => `/${org}/instances`,
  instance: (org: string, instanceId: number) => `/${org}/instances/${instanceId}`,
  sweeps: (org: string) => `/${org}/instances/sweeps`,
  limits: (org: string) => `/${org}/instances/limits`,
  pools: (org: string) => `/${org}/pools`,
  pool: (org: string, poolId: number) => `/${org}/pools/${poolId}`,
  addPool: (org: string) => `/${org}/pools/add`,
  poolSettings: (org: string, poolId: number) => `/${org}/pools/${poolId}/settings`,
  welcome: (org: string) => `/${org}/welcome`,
  doors: (org: string) => `/${org}/workers/doors`,
  addWorker: (org: string) => `/${org}/workers/add`,
  workerSettings: (org: string, workerId: number) => `/${org}/workers/${workerId}/settings`,
} as const;
