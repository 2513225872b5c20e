import type { Metadata } from "next";
import { webRuntime } from "../../../../server/api/runtime";
import { findInvitation } from "../../../../server/auth";
import { RedeemForm } from "./redeem-form";

export const metadata: Metadata = { title: "Set up", referrer: "no-referrer" };

/** Where a one-time link leads: the first administrator's, or an invitation. */
export default async function SetupPage(props: {
  readonly params: Promise<{ readonly token: string }>;
}) {
  const { token } = await props.params;
  const invitation = await webRuntime().db.within({}, (tx) => findInvitation(tx, token));
  if (!invitation) {
    return (
      <main className="auth-page">
        <h1>This link is not valid</h1>
        <p>It was used already, or it has expired. Ask for a new one, or sign in.</p>
        <p>
          <a href="/sign-in">Sign in</a>
        </p>
      </main>
    );
  }
  return (
    <main className="auth-page">
      <h1>{invitation.kind === "setup" ? "Set up Slipway" : `Join ${invitation.orgName}`}</h1>
      <p>
        {invitation.kind === "setup"
          ? "Make the first account. It administers this installation."
          : `You will be ${invitation.role} of ${invitation.orgName}.`}
      </p>
      <RedeemForm token={token} email={invitation.email} />
    </main>
  );
}
