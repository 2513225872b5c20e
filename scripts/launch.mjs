import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { fail, root, run } from "./run.mjs";

/**
 * Becomes one of the programs in .dist. Its standard output belongs to the program (scripts read
 * it), so a build that is needed first is told on standard error.
 */
export async function launch(name) {
  const program = join(root, `.dist/${name}.js`);
  if (!existsSync(program)) {
    console.error("building once …");
    const { status, output } = await run(process.execPath, [join(root, "scripts/build.mjs")]);
    if (status !== 0) fail(output.trimEnd());
  }
  process.setSourceMapsEnabled(true);
  // The program looks at its arguments as if it had been called by its own name.
  process.argv[1] = program;
  await import(pathToFileURL(program).href).catch(fail);
}
