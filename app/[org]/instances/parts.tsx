"use client";

import Link from "next/link";
import { usePathname } from "next/navigation";
import { routes } from "@/app/_client/navigation";
import { useOrg } from "@/app/_shell/org";

/** The pages about machines, beside one another. */
export function InstanceParts() {
  const org = useOrg();
  const path = usePathname();
  const parts = [
    { href: routes.instances(org.slug), title: "Machines" },
    { href: routes.sweeps(org.slug), title: "Sweeps" },
    { href: routes.limits(org.slug), title: "Limits and cost" },
  ];
  return (
    <nav aria-label="About machines" className="mb-3 flex flex-wrap gap-x-1 border-b border-line">
      {parts.map(({ href, title }) => (
        <Link
          key={href}
          href={href}
          aria-current={path === href ? "page" : undefined}
          className="-mb-px flex h-8 items-center border-b-2 border-transparent px-3 text-muted hover:text-fg aria-[current]:border-accent aria-[current]:font-medium aria-[current]:text-fg"
        >
          {title}
        </Link>
      ))}
    </nav>
  );
}
