"use client";

import Link from "next/link";
import { ICONS, Icon } from "../_ui/icon";
import { ThemeSwitch } from "../_ui/theme-switch";
import { useOrg } from "./org";
import { menuItem, Popover } from "./popover";

export function AccountMenu() {
  const org = useOrg();
  return (
    <div className="min-w-0 flex-1">
      <Popover
        ariaLabel={`Account of ${org.person}`}
        buttonClass="flex h-8 w-full items-center gap-2 rounded-md px-2 hover:bg-hover"
        place="bottom-10 left-0"
        label={
          <>
            <span
              aria-hidden="true"
              className="flex size-5 shrink-0 items-center justify-center rounded-full bg-accent text-2xs font-semibold text-accent-fg uppercase"
            >
              {(org.person || org.email).slice(0, 1)}
            </span>
            <span className="truncate">{org.person || org.email}</span>
          </>
        }
      >
        {(close) => (
          <div>
            <div className="px-2 py-1.5">
              <p className="truncate">{org.email}</p>
              <p className="text-xs text-muted">
                {org.role} of {org.name}
              </p>
            </div>
            <div className="border-y border-line p-2">
              <ThemeSwitch />
            </div>
            <Link href={`/${org.slug}/settings/sessions`} onClick={close} className={menuItem}>
              My sessions
            </Link>
            <a href="/sign-out" className={menuItem}>
              Sign out
              <Icon path={ICONS.leave} size={14} className="ml-auto text-muted" />
            </a>
          </div>
        )}
      </Popover>
    </div>
  );
}
