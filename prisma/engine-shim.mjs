#!/usr/bin/env node
// A stand-in for Prisma's schema-engine binary, for developers who write migrations.
//
// Prisma's command line downloads that binary at first use, from a host that not every network
// reaches. The same engine exists as WebAssembly on npm; this speaks the binary's protocol (JSON-RPC
// over standard input and output, one message a line) and hands the calls to it. The protocol is
// not documented, so the versions of Prisma are pinned and a test keeps this honest.
//
//   npm run prisma -- migrate dev --name what_changed
//
// Nothing at run time needs it: server/db/migrate.ts applies migrations by itself.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { PrismaPg } from "@prisma/adapter-pg";
import { bindMigrationAwareSqlAdapterFactory, ColumnTypeEnum } from "@prisma/driver-adapter-utils";
import pg from "pg";

/** PostgreSQL's internal one-byte "char", which the system catalogs use and the adapter does not know. */
const INTERNAL_CHAR = 18;

/** As server/db/migrate.ts marks a migration whose statements must run one by one. */
const OUTSIDE_TRANSACTION = /^-- slipway: no transaction\s*$/m;

const { command, datamodels, url } = readArguments(process.argv.slice(2));
function readArguments(args) {
  const found = { command: [], datamodels: [], url: "" };
  for (let i = 0; i < args.length; i++) {
    if (args[i] === "--datamodels") found.datamodels.push(args[++i]);
    else if (args[i] === "--datasource") found.url = JSON.parse(args[++i]).url ?? "";
    else if (args[i] === "--enabled-preview-features" || args[i] === "--extension-types") i++;
    else found.command.push(args[i]);
  }
  return found;
}

/** `schema-engine cli can-connect-to-database` and its kin: the exit status is the answer. */
async function oneShot(what) {
  const database = decodeURIComponent(new URL(url).pathname.slice(1));
  const statements = { "create-database": "create database", "drop-database": "drop database" };
  const target = new URL(url);
  if (statements[what]) target.pathname = "/postgres";
  const client = new pg.Client({ connectionString: target.href });
  try {
    await client.connect();
    if (statements[what]) {
      await client.query(`${statements[what]} ${client.escapeIdentifier(database)}`);
    }
    await client.end();
    process.exit(0);
  } catch (error) {
    const codes = { "3D000": "P1003", "28P01": "P1000" };
    const fields = {
      is_panic: false,
      error_code: codes[error.code] ?? "P1001",
      message: error.message || String(error),
      meta: null,
    };
    const line = { timestamp: new Date().toISOString(), level: "ERROR", fields };
    process.stderr.write(`{}\n${JSON.stringify({ ...line, target: "schema_engine::logger" })}\n`);
    process.exit(1);
  }
}

async function loadEngine() {
  // The engine reports a crash here; without it the crash hides behind a TypeError.
  globalThis.PRISMA_WASM_PANIC_REGISTRY = {
    set_message: (message) => process.stderr.write(`schema engine: ${message}\n`),
  };
  const folder = dirname(createRequire(import.meta.url).resolve("@prisma/schema-engine-wasm"));
  const glue = await import(join(folder, "schema_engine_bg.js"));
  const { instance } = await WebAssembly.instantiate(
    await readFile(join(folder, "schema_engine_bg.wasm")),
    { "./schema_engine_bg.js": glue },
  );
  glue.__wbg_set_wasm(instance.exports);
  instance.exports.__wbindgen_start();
  return glue.SchemaEngine;
}

/** The connection without its address as one text, so that the shadow database can replace its name. */
function connection(database) {
  const { hostname, port, username, password, pathname } = new URL(url);
  return {
    host: hostname || "localhost",
    port: Number(port || 5432),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    database: database ?? decodeURIComponent(pathname.slice(1)),
  };
}

/** Makes up for what the adapter does not do for the schema engine. */
function completed(queryable) {
  withInternalChar(queryable);
  const { executeScript } = queryable;
  // It cuts a script at every semicolon, the ones in functions included; PostgreSQL knows better.
  queryable.executeScript = async (script) => {
    if (OUTSIDE_TRANSACTION.test(script)) return executeScript.call(queryable, script);
    await queryable.client.query(script).catch((error) => queryable.onError(error));
  };
  return queryable;
}

/** Lets the adapter read columns of the type "char": as text on the wire, as one letter to the engine. */
function withInternalChar(queryable) {
  const { queryRaw, startTransaction } = queryable;
  queryable.queryRaw = async (query) => {
    const letters = [];
    const performIO = async (request) => {
      const result = await queryable.performIO(request);
      result.fields?.forEach((field, index) => {
        if (field.dataTypeID !== INTERNAL_CHAR) return;
        field.dataTypeID = pg.types.builtins.TEXT;
        letters.push(index);
      });
      return result;
    };
    const reader = Object.create(queryable, { performIO: { value: performIO } });
    const result = await queryRaw.call(reader, query);
    for (const index of letters) result.columnTypes[index] = ColumnTypeEnum.Character;
    return result;
  };
  if (startTransaction) {
    queryable.startTransaction = async (...args) =>
      completed(await startTransaction.apply(queryable, args));
  }
}

/** How to drop each shadow database that is still there. */
const shadows = new Set();

class Adapter extends PrismaPg {
  schema = new URL(url).searchParams.get("schema") ?? undefined;

  constructor() {
    super(connection(), { schema: new URL(url).searchParams.get("schema") ?? undefined });
  }

  async connect() {
    return completed(await super.connect());
  }

  /** A database of its own, never the main one, closed before it is dropped. */
  async connectToShadowDb() {
    const main = await this.connect();
    const name = `prisma_migrate_shadow_${Date.now()}_${process.pid}`;
    await main.executeScript(`create database "${name}"`);
    const shadow = completed(
      await new PrismaPg(connection(name), { schema: this.schema }).connect(),
    );
    const close = shadow.dispose.bind(shadow);
    const drop = async () => {
      if (!shadows.delete(drop)) return;
      await close();
      await main.executeScript(`drop database if exists "${name}" with (force)`);
      await main.dispose();
    };
    shadows.add(drop);
    shadow.dispose = drop;
    return shadow;
  }
}

async function serve() {
  const SchemaEngine = await loadEngine();
  const files = await Promise.all(
    datamodels.map(async (file) => [file, await readFile(file, "utf8")]),
  );
  const engine = await SchemaEngine.new(
    { datamodels: files.length > 0 ? files : undefined },
    () => {},
    bindMigrationAwareSqlAdapterFactory(new Adapter()),
  );
  const send = (message) =>
    process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);

  const answer = async ({ id, method, params }) => {
    try {
      const result = (await engine[method](params ?? {})) ?? null;
      // The binary prints a difference by calling back; the WebAssembly build returns it.
      if (method === "diff" && result?.stdout) {
        send({ id: 1_000_000, method: "print", params: { content: result.stdout } });
        result.stdout = null;
      }
      send({ id, result });
    } catch ({ message, meta = null, code = null }) {
      const data = { is_panic: false, message, meta, error_code: code };
      send({ id, error: { code: 4466, message: "An error happened.", data } });
    }
  };

  const calls = [];
  const lines = createInterface({ input: process.stdin });
  for await (const line of lines) {
    const message = JSON.parse(line);
    // Answers to our own `print` come without a method.
    if (message.method) calls.push(answer(message));
  }
  await Promise.all(calls);
  await Promise.all([...shadows].map((drop) => drop().catch(() => {})));
  process.exit(0);
}

if (process.argv.includes("--version")) console.log("schema-engine-cli wasm");
else if (command[0] === "cli") await oneShot(command[1]);
else await serve();
