import { Logo } from "./_ui/logo";

export default function NotFound() {
  return (
    <main className="mx-auto max-w-xl px-6 py-24">
      <Logo size={34} />
      <h1 className="mt-6 text-xl font-semibold">There is nothing at this address</h1>
      <p className="mt-2 text-muted">
        It may have been removed, or it belongs to an organisation you are not a member of: both
        look the same from outside.
      </p>
      <p className="mt-6">
        <a className="link" href="/">
          To your board
        </a>
      </p>
    </main>
  );
}
