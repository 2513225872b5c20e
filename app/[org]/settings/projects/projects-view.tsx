"use client";

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import Link from "next/link";
import { useRef } from "react";
import { useTRPC } from "@/app/_client/trpc";
import { useIsAtLeast, useOrg } from "@/app/_shell/org";
import { Button } from "@/app/_ui/button";
import { Empty } from "@/app/_ui/empty";
import { Field } from "@/app/_ui/field";
import { Section } from "@/app/_ui/page-head";
import { fieldProblems, Problem } from "@/app/_ui/problem";

export function ProjectsView() {
  const org = useOrg();
  const trpc = useTRPC();
  const queries = useQueryClient();
  const query = trpc.projects.list.queryOptions({ org: org.slug });
  const { data } = useQuery(query);
  const mayConfigure = useIsAtLeast("maintainer");
  const form = useRef<HTMLFormElement>(null);
  const create = useMutation(
    trpc.projects.create.mutationOptions({
      onSuccess: () => form.current?.reset(),
      onSettled: () => queries.invalidateQueries({ queryKey: query.queryKey }),
    }),
  );
  const wrong = fieldProblems(create.error);
  const projects = data?.projects ?? [];
  return (
    <>
      {projects.length === 0 ? (
        <Empty title="No project yet">
          A project holds builders and what starts them, in one document of the configuration. Make
          one below, then write its builders.
        </Empty>
      ) : (
        <table className="rows">
          <thead>
            <tr>
              <th>Project</th>
              <th className="max-sm:hidden">Description</th>
              <th className="text-right">Builders</th>
              <th className="text-right">Version</th>
            </tr>
          </thead>
          <tbody>
            {projects.map((project) => (
              <tr key={project.id}>
                <th scope="row">
                  <Link
                    className="font-semibold hover:underline"
                    href={`/${org.slug}/builders?q=${encodeURIComponent(project.name)}`}
                  >
                    {project.name}
                  </Link>
                </th>
                <td className="text-muted max-sm:hidden">{project.description}</td>
                <td className="num text-right">{project.builders}</td>
                <td className="num text-right">{project.version ?? "–"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {mayConfigure ? (
        <Section title="New project">
          <form
            ref={form}
            className="flex max-w-3xl flex-wrap items-start gap-3"
            onSubmit={(event) => {
              event.preventDefault();
              const fields = new FormData(event.currentTarget);
              create.mutate({
                org: org.slug,
                name: String(fields.get("name") ?? ""),
                description: String(fields.get("description") ?? ""),
              });
            }}
          >
            <Field
              label="Name"
              name="name"
              required
              mono
              className="w-48"
              problem={wrong.name}
              autoComplete="off"
            />
            <Field
              label="Description"
              name="description"
              className="min-w-48 flex-1"
              problem={wrong.description}
              autoComplete="off"
            />
            <Button type="submit" className="mt-[21px]" disabled={create.isPending}>
              Make the project
            </Button>
            <div className="w-full">
              <Problem error={create.error} />
            </div>
          </form>
          <p className="mt-2 text-muted">
            Its builders are written in the{" "}
            <Link className="link" href={`/${org.slug}/settings/configuration`}>
              configuration
            </Link>
            .
          </p>
        </Section>
      ) : null}
    </>
  );
}
