"use client";

import Link from "next/link";
import { ICONS, Icon } from "../_ui/icon";
import { useOrg } from "./org";
import { menuItem, Popover } from "./popover";

export function OrgSwitcher() {
  const org = useOrg();
  return (
    <Popover
      ariaLabel={`Organisation ${org.name}: change`}
      buttonClass="flex h-8 max-w-full items-center gap-1.5 rounded-md px-2 font-semibold hover:bg-hover"
      place="top-9 left-0"
      label={
        <>
          <span className="truncate">{org.name}</span>
          <Icon path={ICONS.down} size={12} className="text-muted" />
        </>
      }
    >
      {(close) => (
        <nav aria-label="Organisations">
          {org.organizations.map((other) => (
            <Link
              key={other.slug}
              href={`/${other.slug}`}
              onClick={close}
              aria-current={other.slug === org.slug ? "true" : undefined}
              className={menuItem}
            >
              <span className="truncate">{other.name}</span>
              <span className="num ml-auto text-xs text-muted">{other.slug}</span>
            </Link>
          ))}
          {org.isAdmin ? (
            <Link
              href="/setup/organization"
              onClick={close}
              className={`${menuItem} mt-1 border-t border-line text-accent`}
            >
              <Icon path={ICONS.plus} size={14} />
              New organisation
            </Link>
          ) : null}
        </nav>
      )}
    </Popover>
  );
}
