/** Finds the command that the words call, and turns what goes wrong into a line and a status. */
import { backup, restore } from "./commands/backup";
import { changes, schedulers } from "./commands/changes";
import { configApply, configCheck, configExport } from "./commands/config";
import { configDiff, configRollback, configVersions } from "./commands/config-versions";
import { machinesLetGo, machinesResume } from "./commands/machines";
import { pools } from "./commands/pools";
import { builds, logs, workers } from "./commands/read";
import { secretList, secretRemove, secretSet } from "./commands/secret";
import { steering } from "./commands/steer";
import { tokenCreate } from "./commands/token";
import { trigger } from "./commands/trigger";
import { workerCreate } from "./commands/worker";
import { type Command, CommandError, EXIT, type Io, UsageError } from "./io";
import { nearest } from "./nearest";

const COMMANDS: readonly Command[] = [
  tokenCreate,
  ...[backup, restore],
  ...[machinesLetGo, machinesResume],
  ...[configCheck, configApply, configExport],
  ...[configVersions, configDiff, configRollback],
  ...[secretSet, secretList, secretRemove],
  ...[trigger, builds, logs, workers, workerCreate, pools],
  ...steering,
  ...[changes, schedulers],
];

export async function runCli(args: readonly string[], io: Io): Promise<number> {
  // `help trigger` is `trigger --help`.
  const argv = args[0] === "help" && args.length > 1 ? [...args.slice(1), "--help"] : args;
  // `schedulers enable` before `schedulers`.
  const command = COMMANDS.filter(({ words }) => words.every((word, at) => argv[at] === word))
    .sort((a, b) => b.words.length - a.words.length)
    .at(0);
  const asksHelp = argv.includes("--help") || argv.includes("-h") || argv[0] === "help";
  if (asksHelp || argv.length === 0) {
    const text = command ? helpOf(command) : overview();
    if (asksHelp) io.out(text);
    else io.err(text);
    return asksHelp ? 0 : EXIT.usage;
  }
  if (!command) {
    const known = COMMANDS.filter(({ words }) => words[0] === argv[0]).map(({ words }) =>
      words.join(" "),
    );
    const near = nearest(
      argv.slice(0, 2),
      COMMANDS.map(({ words }) => words.join(" ")),
    );
    const hint =
      known.length > 0
        ? `: there is ${known.join(", ")}`
        : near
          ? `, perhaps ${near} is meant`
          : "";
    io.err(`slipway: no command "${argv.slice(0, 2).join(" ")}"${hint}; try slipway --help\n`);
    return EXIT.usage;
  }
  try {
    return await command.run(argv.slice(command.words.length), io);
  } catch (error) {
    return explain(error, command, io);
  }
}

function explain(error: unknown, command: Command, io: Io): number {
  const name = `slipway ${command.words.join(" ")}`;
  if (error instanceof UsageError) {
    io.err(`${name}: ${error.message}; try ${name} --help\n`);
    return EXIT.usage;
  }
  if (error instanceof CommandError) {
    io.err(`${name}: ${error.message}\n`);
    return error.status;
  }
  // A setting that is wrong, or a refusal of ours: for a person. Anything else: with its place.
  const kinds = ["AppError", "EnvError", "DataDirBusyError", "BackupError"];
  const isKnown = kinds.includes((error as Error).name);
  io.err(`${name}: ${isKnown ? (error as Error).message : ((error as Error).stack ?? error)}\n`);
  return (error as Error).name === "EnvError" ? EXIT.usage : EXIT.fault;
}

function helpOf({ words, synopsis, summary, help }: Command): string {
  return `slipway ${[...words, synopsis].filter(Boolean).join(" ")}\n${summary}\n\n${help}\n`;
}

function overview(): string {
  const width = Math.max(...COMMANDS.map(({ words, synopsis }) => usage(words, synopsis).length));
  const list = COMMANDS.map(
    ({ words, synopsis, summary }) => `  ${usage(words, synopsis).padEnd(width)}  ${summary}`,
  );
  return `slipway COMMAND [options]

${list.join("\n")}

Remote commands read SLIPWAY_URL (with the organisation: http://localhost:8010/main) and SLIPWAY_TOKEN.
slipway COMMAND --help says more.

Exit status: 0 done, 64 wrong command line or setting, 65 configuration not valid, 69 server or database
cannot be reached, 70 refused or failed, 77 token not sufficient; trigger --wait: the result.
`;
}

function usage(words: readonly string[], synopsis: string): string {
  return [...words, synopsis].filter(Boolean).join(" ");
}
