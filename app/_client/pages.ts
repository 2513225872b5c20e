/** How lists go on, the same on the server, which loads the first page, and in the browser. */
export const buildPages = {
  initialCursor: null,
  getNextPageParam: (page: { before: number | null }) => page.before,
};

export const changePages = {
  initialCursor: null,
  getNextPageParam: (page: { before: number | null }) => page.before,
};

export const requestPages = {
  initialCursor: null,
  getNextPageParam: (page: { after: { priority: number; id: number } | null }) => page.after,
};

/** Of a worker: its history, its sessions, and those who were refused. */
export const comingPages = {
  initialCursor: null,
  getNextPageParam: (page: { before: number | null }) => page.before,
};

/** Machines, and sweeps of them. */
export const machinePages = {
  initialCursor: null,
  getNextPageParam: (page: { before: number | null }) => page.before,
};
