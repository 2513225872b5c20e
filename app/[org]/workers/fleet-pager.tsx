"use client";

import { useSearchParams } from "next/navigation";
import { useCommands } from "@/app/_client/commands";
import { pushQuery, setOrDelete } from "@/app/_client/url-state";
import { Button } from "@/app/_ui/button";
import { ICONS, Icon } from "@/app/_ui/icon";

/** Pages are places in the address, so going back goes back. */
export function FleetPager(props: { page: number; pages: number }) {
  const { page, pages } = props;
  // The address may name a page that is not there any more.
  useSearchParams();
  const go = (to: number) => {
    if (to < 1 || to > pages || to === page) return;
    pushQuery((query) => setOrDelete(query, "page", to === 1 ? null : String(to)));
    document.getElementById("content")?.scrollIntoView();
  };
  useCommands(
    pages === 1
      ? []
      : [
          {
            id: "page-next",
            label: "Next page",
            keys: "]",
            group: "List",
            run: () => go(page + 1),
          },
          {
            id: "page-before",
            label: "Page before",
            keys: "[",
            group: "List",
            run: () => go(page - 1),
          },
        ],
  );
  if (pages === 1) return null;
  return (
    <nav aria-label="Pages" className="flex flex-wrap items-center gap-2 pt-3">
      <Button aria-label="First page" disabled={page === 1} onClick={() => go(1)}>
        1
      </Button>
      <Button aria-label="Page before" disabled={page === 1} onClick={() => go(page - 1)}>
        <Icon path={ICONS.left} />
      </Button>
      <span className="min-w-28 text-center" aria-current="page">
        page {page} of {pages}
      </span>
      <Button aria-label="Next page" disabled={page === pages} onClick={() => go(page + 1)}>
        <Icon path={ICONS.right} />
      </Button>
      <Button aria-label="Last page" disabled={page === pages} onClick={() => go(pages)}>
        {pages}
      </Button>
    </nav>
  );
}
