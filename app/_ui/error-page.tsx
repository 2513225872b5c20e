"use client";

import { Button } from "./button";

/** What broke, what to do, and the number under which it is in the server's log. */
export function ErrorPage(props: { error: Error & { digest?: string }; reset: () => void }) {
  return (
    <div role="alert" className="max-w-xl px-6 py-16">
      <h1 className="text-lg font-semibold">This page could not be shown</h1>
      <p className="mt-2 text-muted">
        Something broke on our side, or the server was being restarted. Trying again often helps; if
        it does not, whoever runs this installation finds the cause in the log of the web process.
      </p>
      {props.error.digest ? (
        <p className="mt-2 text-xs text-muted">
          Reference <code className="num">{props.error.digest}</code>
        </p>
      ) : null}
      <div className="mt-4 flex gap-2">
        <Button look="primary" onClick={props.reset}>
          Try again
        </Button>
      </div>
    </div>
  );
}
