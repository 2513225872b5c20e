"use client";

import { useQuery } from "@tanstack/react-query";
import { useSearchParams } from "next/navigation";
import { useEffect, useState } from "react";
import { useCommands } from "@/app/_client/commands";
import { useTRPC } from "@/app/_client/trpc";
import { replaceQuery } from "@/app/_client/url-state";
import { useOrg } from "@/app/_shell/org";
import { Button } from "@/app/_ui/button";
import type { BuilderPage } from "@/server/api/builders/one";
import { leaves } from "@/server/domain/force";
import { ForceDialog } from "./force-dialog";
import { FormDialog } from "./form-dialog";

/** Where no force scheduler is configured, the address names the dialog so. */
const PLAIN = "build";

/**
 * One button for each force scheduler of the builder. The address says which dialog is open, so a
 * link opens it, with fields filled in: `?force=deploy&branch=main`.
 */
export function ForceButtons({ builder }: { builder: BuilderPage }) {
  const org = useOrg();
  const trpc = useTRPC();
  const query = useSearchParams();
  const { data: forms } = useQuery(
    trpc.builders.forms.queryOptions({ org: org.slug, builderId: builder.id }),
  );
  // What a browser remembers is not known where the page is first drawn.
  const [isHere, setHere] = useState(false);
  useEffect(() => setHere(true), []);
  const open = (name: string) => replaceQuery((next) => next.set("force", name));
  const offers = (forms ?? []).map(({ name, label, buttonName }) => ({ name, label, buttonName }));
  const buttons =
    forms && offers.length === 0
      ? [{ name: PLAIN, label: `Start a build of ${builder.name}`, buttonName: "Start a build" }]
      : offers;
  useCommands(
    buttons.map(({ name, label }, index) => ({
      id: `force:${name}`,
      label: name === PLAIN ? label : `${label}: start a build of ${builder.name}`,
      keys: index === 0 ? "b" : null,
      group: "Builder",
      run: () => open(name),
    })),
  );
  const wanted = query.get("force");
  const form = forms?.find(({ name }) => name === wanted);
  const isPlain = forms?.length === 0 && wanted !== null;
  const close = () =>
    replaceQuery((next) => {
      next.delete("force");
      const fields = form ? [...leaves(form.fields)].map(({ fullName }) => fullName) : PLAIN_FIELDS;
      for (const name of fields) next.delete(name);
    });
  const link = new URLSearchParams(query);
  return (
    <>
      {buttons.map(({ name, label, buttonName }, index) => (
        <Button
          key={name}
          look={index === 0 ? "primary" : "plain"}
          title={label === buttonName ? undefined : label}
          onClick={() => open(name)}
        >
          {buttonName}
        </Button>
      ))}
      {isHere && form ? (
        <FormDialog builder={builder} form={form} link={link} onClose={close} />
      ) : null}
      {isHere && isPlain ? <ForceDialog builder={builder} link={link} onClose={close} /> : null}
    </>
  );
}

const PLAIN_FIELDS = ["reason", "branch", "revision", "repository", "priority"];
