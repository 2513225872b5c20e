/** Everything that a worker does for a master (protocol §2 to §6), whoever wrote it. */
import { describe } from "vitest";
import { filesSuite } from "./files-suite";
import { benchOf, checkOf, type WorkerKind } from "./kind";
import { lifeSuite } from "./life-suite";
import { shellSuite } from "./shell-suite";

export function workerSuite(kind: WorkerKind): void {
  describe.skipIf(!kind.isThere())(kind.name, () => {
    const check = checkOf(kind);
    describe("commands", () => {
      const bench = benchOf(kind);
      shellSuite(check, bench);
      filesSuite(check, bench);
    });
    describe("life", () => lifeSuite(check, kind));
  });
}
