import { randomBytes } from "node:crypto";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { EnvError } from "../../env";

/** How the embedded server is reached. Its one database is for us alone. */
export interface Access {
  user: string;
  password: string;
}

const USER = "slipway";
const DATABASE = "slipway";
const PASSWORD_FILE = "postgres.password";
const PORT_FILE = "postgres.port";

export function urlOf(access: Access, port: number, database = DATABASE): string {
  return `postgresql://${access.user}:${access.password}@127.0.0.1:${port}/${database}`;
}

/**
 * Address of the embedded database of a data directory, for commands on the same host; `null` when
 * there is none. Whether it runs is for the caller to find out by connecting.
 */
export async function locateEmbedded(dataDir: string): Promise<string | null> {
  const [password, port] = await Promise.all([
    read(dataDir, PASSWORD_FILE),
    read(dataDir, PORT_FILE),
  ]);
  if (password === null || port === null) return null;
  return urlOf({ user: USER, password }, Number(port));
}

/** Made once per data directory, mode 0600. */
export async function ensureAccess(dataDir: string): Promise<Access> {
  const known = await read(dataDir, PASSWORD_FILE);
  if (known !== null) return { user: USER, password: known };
  const password = randomBytes(24).toString("base64url");
  const file = join(dataDir, PASSWORD_FILE);
  await writeFile(file, password, { mode: 0o600 });
  await chmod(file, 0o600);
  return { user: USER, password };
}

/** The port of last time when it is free, otherwise another one; remembered either way. */
export async function choosePort(dataDir: string): Promise<number> {
  const known = Number(await read(dataDir, PORT_FILE));
  const port = (known && (await freePort(known))) || (await freePort(0));
  if (port === null) throw new Error("there is no free port for the database on 127.0.0.1");
  await writeFile(join(dataDir, PORT_FILE), String(port));
  return port;
}

async function read(dataDir: string, name: string): Promise<string | null> {
  try {
    return (await readFile(join(dataDir, name), "utf8")).trim() || null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw new EnvError([`SLIPWAY_DATA_DIR: ${(error as Error).message}`]);
  }
}

function freePort(wanted: number): Promise<number | null> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(null));
    probe.listen(wanted, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address ? address.port : null));
    });
  });
}
