/** `shell`: a command line or an argument list in a directory (protocol §4.1, §4.2). */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { ShellArgs } from "../../server/domain/wire";
import { commandEnvironment } from "../process/environment";
import { onPseudoTerminal } from "../process/pseudo-terminal";
import { pythonList, real, shellLine, shown } from "../process/quote";
import { type ProgramOrder, runProgram } from "../process/run-program";
import { type CommandContext, type Execute, pathOf } from "./context";

export const shell: Execute<ShellArgs> = async (args, context) => {
  const rc = await runShell(args, context, (value) => context.batch.value({ key: "rc", value }));
  if (rc === null) throw new Error("the process could not be killed");
};

/**
 * Runs a command with the headers that a log has around it. `onRc` is called where the exit status
 * belongs among them. Resolves with it; with null when the process could not be killed.
 */
export async function runShell(
  args: ShellArgs,
  context: CommandContext,
  onRc: (rc: number) => void = () => {},
): Promise<number | null> {
  const { batch } = context;
  const order = await prepare(args, context);
  const startedAt = performance.now();
  const end = await runProgram(order, batch, context.stop);
  const seconds = (performance.now() - startedAt) / 1000;
  if (end.signal !== null) batch.text("header", `process killed by signal ${end.signal}\n`);
  onRc(end.rc);
  batch.text("header", `elapsedTime=${seconds.toFixed(6)}\n`);
  return end.isGivenUp ? null : end.rc;
}

async function prepare(args: ShellArgs, context: CommandContext): Promise<ProgramOrder> {
  const { command } = args;
  const workdir = pathOf(context, args.workdir);
  const env = commandEnvironment(context.environ, args.env, workdir);
  const isLine = typeof command === "string";
  const argv = isLine ? ["/bin/sh", "-c", command] : command.map(real);
  const shownArgv = isLine ? argv : command.map(shown);
  if (argv.length === 0) throw new Error("the command is empty");
  const stdin = args.initial_stdin ?? null;

  const wantsTerminal = args.usePTY === true && stdin === null;
  const onTerminal = wantsTerminal ? onPseudoTerminal({ argv, env }) : null;
  const logFiles = Object.entries(args.logfiles ?? {}).map(([name, file]) => {
    const { filename, follow } =
      typeof file === "string" ? { filename: file, follow: false } : file;
    return { name, path: join(workdir, filename), follow };
  });

  const timeout = args.timeout ?? null;
  const maxTime = args.maxTime ?? null;
  const limits = [
    ...(timeout === null ? [] : [` (timeout ${timeout} secs)`]),
    ...(maxTime === null ? [] : [` (maxTime ${maxTime} secs)`]),
  ].join("");
  const header = [
    isLine ? command : shellLine(shownArgv),
    ` in dir ${workdir}${limits}`,
    ` watching logfiles {${logFiles.map(({ name, path }) => `${name}: ${path}`).join(", ")}}`,
    ` argv: ${pythonList(shownArgv)}`,
  ];
  if (args.logEnviron ?? true) {
    header.push(" environment:");
    for (const name of Object.keys(env).sort()) header.push(`  ${name}=${env[name]}`);
  }
  if (stdin !== null) header.push(` writing ${Buffer.byteLength(stdin)} bytes to stdin`);
  header.push(` using PTY: ${onTerminal === null ? "False" : "True"}`);
  if (wantsTerminal && onTerminal === null) {
    header.push(" no pseudo-terminal can be had on this worker; running without one");
  }
  context.batch.text("header", `${header.join("\n")}\n`);

  await mkdir(workdir, { recursive: true });
  return {
    ...(onTerminal ?? { argv, env }),
    workdir,
    shown: isLine ? shownLine(command) : pythonList(shownArgv),
    wantStdout: args.want_stdout ?? true,
    wantStderr: args.want_stderr ?? true,
    stdin,
    limits: { timeoutSeconds: timeout, maxTimeSeconds: maxTime, maxLines: args.max_lines ?? null },
    sigtermTimeSeconds: args.sigtermTime ?? null,
    interruptSignal: args.interruptSignal ?? "KILL",
    logFiles,
  };
}

const shownLine = (command: string): string => pythonList([command]).slice(1, -1);
