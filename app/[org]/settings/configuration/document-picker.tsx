"use client";

import Link from "next/link";
import { useRouter } from "next/navigation";
import { useState } from "react";
import { useOrg } from "@/app/_shell/org";
import { Button, buttonClass } from "@/app/_ui/button";
import { Dialog } from "@/app/_ui/dialog";
import { Field } from "@/app/_ui/field";
import { keyOfTarget, type Target, titleOfTarget } from "./target";

/** One document alone, or all of them in one file. */
export function DocumentPicker(props: { target: Target; projects: readonly string[] }) {
  const org = useOrg();
  const router = useRouter();
  const [isNaming, setNaming] = useState(false);
  const here = keyOfTarget(props.target);
  const href = (target: Target) =>
    target === "all"
      ? `/${org.slug}/settings/configuration`
      : `/${org.slug}/settings/configuration?document=${encodeURIComponent(keyOfTarget(target))}`;
  const isNew = typeof props.target === "object" && !props.projects.includes(props.target.project);
  const targets: Target[] = [
    "all",
    "organization",
    ...props.projects.map((project) => ({ project })),
    ...(isNew ? [props.target] : []),
  ];
  return (
    <nav aria-label="Documents" className="flex flex-wrap items-center gap-1.5">
      {targets.map((target) => {
        const key = keyOfTarget(target);
        return (
          <Link
            key={key}
            href={href(target)}
            aria-current={key === here ? "page" : undefined}
            className={`${buttonClass(key === here ? "plain" : "quiet", true)} ${key === here ? "font-semibold" : ""}`}
          >
            {titleOfTarget(target)}
          </Link>
        );
      })}
      <Button small look="quiet" onClick={() => setNaming(true)}>
        New project
      </Button>
      {isNaming ? (
        <Dialog title="New project" onClose={() => setNaming(false)}>
          <form
            className="space-y-4"
            onSubmit={(event) => {
              event.preventDefault();
              const name = String(new FormData(event.currentTarget).get("name")).trim();
              if (name === "") return;
              setNaming(false);
              router.push(href({ project: name }));
            }}
          >
            <Field
              label="Name"
              name="name"
              required
              maxLength={70}
              pattern="[A-Za-z0-9][A-Za-z0-9._\-]*"
              title="letters, digits, dots, dashes"
            />
            <p className="text-muted">
              Its document opens in the editor with an example; it is made when you activate it.
            </p>
            <div className="flex justify-end gap-2">
              <Button onClick={() => setNaming(false)}>Not now</Button>
              <Button look="primary" type="submit">
                Write it
              </Button>
            </div>
          </form>
        </Dialog>
      ) : null}
    </nav>
  );
}
