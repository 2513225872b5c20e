/** The shape of what is coming. Stays still: nothing blinks. */
export function SkeletonPage(props: { rows?: number }) {
  return (
    <div aria-busy="true">
      <span className="sr-only">Loading</span>
      <div className="px-4 pt-4 sm:px-6" aria-hidden="true">
        <div className="flex h-12 items-center pb-3">
          <div className="skeleton h-5 w-40" />
        </div>
        <div className="scale" />
      </div>
      <div className="px-4 py-4 sm:px-6" aria-hidden="true">
        {Array.from({ length: props.rows ?? 10 }, (_, row) => (
          <div
            // biome-ignore lint/suspicious/noArrayIndexKey: rows of a picture, all alike
            key={row}
            className="flex h-9 items-center gap-4 border-b border-line"
          >
            <div className="skeleton size-4 rounded-full" />
            <div className="skeleton h-3" style={{ width: `${18 + ((row * 7) % 14)}%` }} />
            <div className="skeleton ml-auto h-3 w-24" />
          </div>
        ))}
      </div>
    </div>
  );
}
