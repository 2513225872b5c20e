/** Makes a backup of a whole installation, running or not. */
import pg from "pg";
import { dump, openSnapshot } from "./dump";
import { dumpFolder } from "./folder";
import { type Frame, json, writeFrames } from "./format";
import type { Header } from "./header";

export interface BackupOptions {
  readonly databaseUrl: string;
  readonly secretKey: string;
  /** Null: they are in an object store, which is backed up by its own means. */
  readonly artifacts: string | null;
  readonly file: string;
  readonly signal: AbortSignal;
}

export interface Backup {
  readonly file: string;
  readonly bytes: number;
  readonly organizations: number;
  readonly builds: number;
  /** Of the artifacts: what is neither a file nor a folder. */
  readonly leftOut: readonly string[];
}

export async function makeBackup(options: BackupOptions): Promise<Backup> {
  const client = new pg.Client({ connectionString: options.databaseUrl });
  client.on("error", () => {});
  await client.connect();
  try {
    const facts = await openSnapshot(client);
    const header: Header = {
      madeAt: new Date().toISOString(),
      secretKey: options.secretKey,
      hasArtifacts: options.artifacts !== null,
      ...facts,
    };
    const leftOut: string[] = [];
    const bytes = await writeFrames(
      options.file,
      framesOf(client, header, options.artifacts, leftOut),
      options.signal,
    );
    const { organizations, builds } = facts;
    return { file: options.file, bytes, organizations, builds, leftOut };
  } finally {
    await client.end();
  }
}

async function* framesOf(
  client: pg.Client,
  header: Header,
  artifacts: string | null,
  leftOut: string[],
): AsyncGenerator<Frame> {
  yield json("header", header);
  yield* dump(client);
  if (artifacts !== null) yield* dumpFolder(artifacts, leftOut);
}
