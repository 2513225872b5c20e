import { PageHead } from "@/app/_ui/page-head";

/** A page for higher roles: says which, instead of showing an error. */
export function NotAllowed(props: { title: string; needs: string }) {
  return (
    <>
      <PageHead title={props.title} />
      <div className="px-4 py-6 sm:px-6">
        <p className="max-w-xl border-l-2 border-line-strong py-1 pl-5 text-muted">
          This page is for the role {props.needs} and above. An owner of this organisation can give
          it to you, under Members.
        </p>
      </div>
    </>
  );
}
