import type { BuilderRef } from "../domain/wire";

/** Whether both lists name the same builders in the same directories and order. */
export function sameBuilders(left: readonly BuilderRef[], right: readonly BuilderRef[]): boolean {
  return (
    left.length === right.length &&
    left.every(
      (builder, index) =>
        builder.name === right[index]?.name && builder.builddir === right[index]?.builddir,
    )
  );
}
