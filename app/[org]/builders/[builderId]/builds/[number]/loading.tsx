/** Steps at the left, lines in the middle. */
export default function Loading() {
  return (
    <div aria-busy="true">
      <span className="sr-only">Loading</span>
      <div className="px-4 pt-3 sm:px-6" aria-hidden="true">
        <div className="flex h-8 items-center gap-3">
          <div className="skeleton h-7 w-24" />
          <div className="skeleton h-5 w-48" />
        </div>
        <div className="flex h-12 items-center gap-6">
          <div className="skeleton h-3 w-20" />
          <div className="skeleton h-3 w-32" />
          <div className="skeleton h-3 w-24" />
        </div>
        <div className="scale" />
      </div>
      <div className="lg:grid lg:grid-cols-[260px_minmax(0,1fr)]" aria-hidden="true">
        <div className="space-y-4 p-6">
          <div className="skeleton h-3 w-32" />
          <div className="skeleton h-3 w-28" />
          <div className="skeleton h-3 w-36" />
        </div>
        <div className="h-[70dvh] bg-log-bg" />
      </div>
    </div>
  );
}
