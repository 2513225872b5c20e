"use client";

import { useId, useState } from "react";
import { useIsAtLeast } from "@/app/_shell/org";
import { Button } from "@/app/_ui/button";
import { Field } from "@/app/_ui/field";

export type GivenCredentials =
  | { kind: "password"; username: string; password: string }
  | { kind: "ssh"; sshPrivateKey: string };

/** What a private repository wants. It goes to the secret store, and is never shown again. */
export function Credentials(props: {
  isSsh: boolean;
  isBusy: boolean;
  isOpen: boolean;
  onGiven: (given: GivenCredentials) => void;
}) {
  const mayStore = useIsAtLeast("admin");
  const [isOpen, open] = useState(props.isOpen);
  if (!mayStore) {
    return (
      <p className="text-muted">
        Credentials are kept in the secret store, which needs the role admin: ask one to set them
        up.
      </p>
    );
  }
  if (!isOpen) {
    return (
      <Button small onClick={() => open(true)}>
        It is private: give a user and a password
      </Button>
    );
  }
  return (
    <form
      className="max-w-md space-y-3"
      onSubmit={(event) => {
        event.preventDefault();
        const form = new FormData(event.currentTarget);
        const text = (name: string) => String(form.get(name) ?? "");
        props.onGiven(
          props.isSsh
            ? { kind: "ssh", sshPrivateKey: text("key") }
            : { kind: "password", username: text("user"), password: text("secret") },
        );
      }}
    >
      {props.isSsh ? (
        <Key />
      ) : (
        <div className="grid gap-3 sm:grid-cols-2">
          <Field label="User" name="user" required autoComplete="off" spellCheck={false} />
          <Field
            label="Password or access token"
            name="secret"
            type="password"
            required
            autoComplete="new-password"
          />
        </div>
      )}
      <div className="space-y-2">
        <Button type="submit" look="primary" disabled={props.isBusy}>
          Keep and look again
        </Button>
        <p className="text-xs text-muted">
          It goes into the secret store; the configuration names it only. It is replaced in logs.
        </p>
      </div>
    </form>
  );
}

function Key() {
  const id = useId();
  return (
    <div>
      <label htmlFor={id} className="mb-1 block text-xs font-medium text-muted">
        Private key
      </label>
      <textarea
        id={id}
        name="key"
        required
        rows={5}
        spellCheck={false}
        placeholder="-----BEGIN OPENSSH PRIVATE KEY-----"
        className="field font-mono text-xs"
      />
    </div>
  );
}
