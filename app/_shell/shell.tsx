"use client";

import Link from "next/link";
import { usePathname, useRouter } from "next/navigation";
import { type ReactNode, useEffect, useState } from "react";
import { useChordKey } from "../_client/chord-key";
import { CommandProvider, LAYER, useCommands } from "../_client/commands";
import { LiveProvider } from "../_client/live";
import { GROUPS, PLACES, type Place, placeOf } from "../_client/navigation";
import { Button } from "../_ui/button";
import { ICONS, Icon } from "../_ui/icon";
import { Logo } from "../_ui/logo";
import { AccountMenu } from "./account-menu";
import { CommandMenu } from "./command-menu";
import { KeySheet } from "./key-sheet";
import { LiveBanner, LiveDot } from "./live-indicator";
import { OrgContext, type OrgFacts } from "./org";
import { OrgSwitcher } from "./org-switcher";

/** Everything around an organisation's pages. */
export function Shell(props: { org: OrgFacts; children: ReactNode }) {
  return (
    <OrgContext.Provider value={props.org}>
      <LiveProvider org={props.org.slug}>
        <CommandProvider>
          <Frame org={props.org}>{props.children}</Frame>
        </CommandProvider>
      </LiveProvider>
    </OrgContext.Provider>
  );
}

type Opened = "commands" | "keys" | "menu" | null;

function Frame(props: { org: OrgFacts; children: ReactNode }) {
  const { slug } = props.org;
  const router = useRouter();
  const path = usePathname();
  const chord = useChordKey();
  const [opened, open] = useState<Opened>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: closes whenever the page changes
  useEffect(() => open(null), [path]);
  useCommands(
    [
      ...PLACES.map((place) => ({
        id: `go:${place.id}`,
        label: `Go to ${place.label}`,
        keys: place.keys,
        group: "Go to",
        run: () => router.push(`/${slug}${place.path}`),
      })),
      {
        id: "commands",
        label: "Commands and search",
        keys: "mod k",
        group: "Everywhere",
        run: () => open("commands"),
      },
      {
        id: "keys",
        label: "Keys of this page",
        keys: "?",
        group: "Everywhere",
        run: () => open("keys"),
      },
    ],
    LAYER.shell,
  );
  const here = placeOf(path.slice(slug.length + 1));
  return (
    <div className="min-h-dvh md:grid md:grid-cols-[212px_minmax(0,1fr)]">
      <a
        href="#content"
        className="sr-only focus:not-sr-only focus:fixed focus:top-2 focus:left-2 focus:z-50 focus:bg-raised focus:p-2"
      >
        Skip to the content
      </a>
      <TopBar
        onMenu={() => open(opened === "menu" ? null : "menu")}
        onSearch={() => open("commands")}
        isOpen={opened === "menu"}
      />
      <aside
        className={`${opened === "menu" ? "fixed inset-x-0 top-11 bottom-0 z-30 flex" : "hidden"} flex-col bg-sunken md:sticky md:top-0 md:flex md:h-dvh md:border-r md:border-line`}
      >
        <div className="hidden items-center gap-2 px-3 pt-3 pb-1 md:flex">
          <Link href={`/${slug}`} aria-label="Slipway, home" className="rounded-md">
            <Logo size={26} />
          </Link>
          <OrgSwitcher />
        </div>
        <button
          type="button"
          onClick={() => open("commands")}
          className="mx-3 mt-2 hidden h-8 items-center gap-2 rounded-md border border-line-strong bg-raised px-2 text-muted hover:text-fg md:flex"
        >
          <Icon path={ICONS.search} size={14} />
          <span>Find or do</span>
          <kbd className="num ml-auto text-2xs">{chord === "⌘" ? "⌘K" : "Ctrl K"}</kbd>
        </button>
        <nav aria-label="Main" className="min-h-0 flex-1 overflow-y-auto px-2 py-3">
          {(Object.keys(GROUPS) as (keyof typeof GROUPS)[]).map((group) => (
            <div key={group} className="mb-4">
              <p className="label px-2 pb-1">{GROUPS[group]}</p>
              <ul>
                {PLACES.filter((place) => place.group === group).map((place) => (
                  <NavItem key={place.id} place={place} org={slug} isHere={place === here} />
                ))}
              </ul>
            </div>
          ))}
        </nav>
        <div className="flex items-center gap-1 border-t border-line p-2">
          <AccountMenu />
          <LiveDot />
          <Button look="quiet" small aria-label="Keys of this page" onClick={() => open("keys")}>
            <span className="num">?</span>
          </Button>
        </div>
      </aside>
      <div className="min-w-0">
        <LiveBanner />
        <main id="content" tabIndex={-1} className="pb-16 outline-none">
          {props.children}
        </main>
      </div>
      {opened === "commands" ? <CommandMenu onClose={() => open(null)} /> : null}
      {opened === "keys" ? <KeySheet onClose={() => open(null)} /> : null}
    </div>
  );
}

function NavItem(props: { place: Place; org: string; isHere: boolean }) {
  const { place } = props;
  return (
    <li>
      <Link
        href={`/${props.org}${place.path}`}
        aria-current={props.isHere ? "page" : undefined}
        title={place.keys ? `Keys: ${place.keys}` : undefined}
        className="flex h-10 items-center gap-2.5 rounded-md px-2 text-muted hover:bg-hover hover:text-fg aria-[current]:bg-raised aria-[current]:font-medium aria-[current]:text-fg aria-[current]:shadow-[inset_2px_0_0_var(--accent),inset_0_0_0_1px_var(--line)] md:h-8"
      >
        <Icon path={place.icon} size={15} />
        {place.label}
      </Link>
    </li>
  );
}

function TopBar(props: { onMenu: () => void; onSearch: () => void; isOpen: boolean }) {
  return (
    <div className="sticky top-0 z-30 flex h-11 items-center gap-2 border-b border-line bg-sunken px-2 md:hidden">
      <Button
        look="quiet"
        aria-label={props.isOpen ? "Close the menu" : "Open the menu"}
        aria-expanded={props.isOpen}
        onClick={props.onMenu}
      >
        <Icon path={props.isOpen ? ICONS.close : ICONS.menu} />
      </Button>
      <Logo size={22} />
      <OrgSwitcher />
      <Button look="quiet" className="ml-auto" aria-label="Find or do" onClick={props.onSearch}>
        <Icon path={ICONS.search} />
      </Button>
    </div>
  );
}
