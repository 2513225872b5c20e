"use client";

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTRPC } from "@/app/_client/trpc";
import { useIsAtLeast, useOrg } from "@/app/_shell/org";
import { ROLES, type Role } from "@/app/_shell/roles";
import { Button } from "@/app/_ui/button";
import { ConfirmDialog } from "@/app/_ui/confirm-dialog";
import { CommandLine } from "@/app/_ui/copy";
import { Field } from "@/app/_ui/field";
import { Section } from "@/app/_ui/page-head";
import { fieldProblems, Problem } from "@/app/_ui/problem";
import { Ago } from "@/app/_ui/time";

const MEANS: Readonly<Record<Role, string>> = {
  viewer: "sees everything",
  developer: "starts, rebuilds and stops own builds",
  maintainer: "stops any build, steers workers, edits the configuration",
  admin: "manages members, tokens and secrets",
  owner: "everything",
};

export function MembersView() {
  const org = useOrg();
  const trpc = useTRPC();
  const queries = useQueryClient();
  const query = trpc.members.list.queryOptions({ org: org.slug });
  const { data } = useQuery(query);
  const mayManage = useIsAtLeast("admin");
  const refresh = () => queries.invalidateQueries({ queryKey: query.queryKey });
  const setRole = useMutation(trpc.members.setRole.mutationOptions({ onSettled: refresh }));
  const withdraw = useMutation(trpc.members.withdraw.mutationOptions({ onSettled: refresh }));
  const [leaving, setLeaving] = useState<{ userId: number; name: string } | null>(null);
  const remove = useMutation(
    trpc.members.remove.mutationOptions({ onSuccess: () => setLeaving(null), onSettled: refresh }),
  );
  return (
    <>
      {mayManage ? (
        <Section title="Invite">
          <Invite onMade={refresh} />
        </Section>
      ) : null}
      <Section title="Members">
        <Problem error={setRole.error} />
        <table className="rows">
          <thead>
            <tr>
              <th>Name</th>
              <th className="max-sm:hidden">E-mail</th>
              <th>Role</th>
              <th className="max-md:hidden">Since</th>
              <th>
                <span className="sr-only">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {data?.members.map((member) => (
              <tr key={member.userId}>
                <th scope="row" className="font-semibold!">
                  {member.name}
                </th>
                <td className="max-sm:hidden">{member.email}</td>
                <td>
                  {mayManage ? (
                    <select
                      aria-label={`Role of ${member.name}`}
                      className="field h-7! w-auto!"
                      value={member.role}
                      onChange={(event) =>
                        setRole.mutate({
                          org: org.slug,
                          userId: member.userId,
                          role: event.target.value as Role,
                        })
                      }
                    >
                      {ROLES.map((role) => (
                        <option key={role}>{role}</option>
                      ))}
                    </select>
                  ) : (
                    member.role
                  )}
                </td>
                <td className="text-muted max-md:hidden">
                  <Ago at={member.since} />
                </td>
                <td className="text-right">
                  {mayManage ? (
                    <Button small look="quiet" onClick={() => setLeaving(member)}>
                      Remove<span className="sr-only"> {member.name}</span>
                    </Button>
                  ) : null}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Section>
      {data && data.invitations.length > 0 ? (
        <Section title="Invited">
          <table className="rows">
            <thead>
              <tr>
                <th>E-mail</th>
                <th>Role</th>
                <th>Link ends</th>
                <th>
                  <span className="sr-only">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {data.invitations.map((invitation) => (
                <tr key={invitation.id}>
                  <th scope="row">{invitation.email}</th>
                  <td>{invitation.role}</td>
                  <td className="text-muted">
                    <Ago at={invitation.expiresAt} />
                  </td>
                  <td className="text-right">
                    {mayManage ? (
                      <Button
                        small
                        look="quiet"
                        onClick={() =>
                          withdraw.mutate({ org: org.slug, invitationId: invitation.id })
                        }
                      >
                        Withdraw
                        <span className="sr-only"> the invitation of {invitation.email}</span>
                      </Button>
                    ) : null}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Section>
      ) : null}
      <Section title="What each role may do">
        <dl>
          {ROLES.map((role) => (
            <div key={role} className="flex gap-3 py-0.5">
              <dt className="w-24 font-medium">{role}</dt>
              <dd className="text-muted">{MEANS[role]}</dd>
            </div>
          ))}
        </dl>
        <p className="mt-1 text-xs text-muted">Each role may also do all that is above it.</p>
      </Section>
      {leaving ? (
        <ConfirmDialog
          title={`Remove ${leaving.name}`}
          action="Remove from the organisation"
          isBusy={remove.isPending}
          error={remove.error}
          onClose={() => setLeaving(null)}
          onConfirm={() => remove.mutate({ org: org.slug, userId: leaving.userId })}
        >
          {leaving.name} sees nothing of {org.name} from now on. Their account stays.
        </ConfirmDialog>
      ) : null}
    </>
  );
}

function Invite(props: { onMade: () => void }) {
  const org = useOrg();
  const trpc = useTRPC();
  const invite = useMutation(trpc.members.invite.mutationOptions({ onSuccess: props.onMade }));
  const wrong = fieldProblems(invite.error);
  if (invite.data) {
    return (
      <div role="status" className="max-w-2xl space-y-3">
        <p className="border-l-2 border-amber pl-3">
          Send this link to them. It is shown this once, and works once.
        </p>
        <CommandLine text={invite.data.link} label="Copy the link" />
        <Button onClick={() => invite.reset()}>Done</Button>
      </div>
    );
  }
  return (
    <form
      className="flex max-w-2xl flex-wrap items-start gap-3"
      onSubmit={(event) => {
        event.preventDefault();
        const form = new FormData(event.currentTarget);
        invite.mutate({
          org: org.slug,
          email: String(form.get("email") ?? ""),
          role: String(form.get("role")) as Role,
        });
      }}
    >
      <Field
        className="min-w-56 flex-1"
        label="E-mail"
        name="email"
        type="email"
        required
        autoComplete="off"
        problem={wrong.email}
      />
      <div>
        <label htmlFor="invite-role" className="mb-1 block text-xs font-medium text-muted">
          Role
        </label>
        <select id="invite-role" name="role" className="field" defaultValue="developer">
          {ROLES.map((role) => (
            <option key={role}>{role}</option>
          ))}
        </select>
      </div>
      <Button type="submit" look="primary" className="mt-[21px]" disabled={invite.isPending}>
        Make a link
      </Button>
      <div className="w-full">
        <Problem error={invite.error} />
      </div>
    </form>
  );
}
