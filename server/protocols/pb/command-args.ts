/** A command's arguments in jelly (protocol §4.1). PB spells them as the domain does. */
import type { Argument, Command, ShellArgs } from "../../domain/wire";
import type { Jelly } from "./codec";
import { Remote, Tuple } from "./codec";
import type { LocalObject } from "./object-table";
import type { Transfer } from "./transfer";
import { directoryWriterObject, fileReaderObject, fileWriterObject } from "./transfer";

export interface EncodedArgs {
  readonly args: { readonly [key: string]: Jelly | undefined };
  /** The transfer's object and its number, for commands that move a file. */
  readonly transfer: { readonly object: Transfer; readonly number: number } | null;
}

/** `expose` gives the transfer's object its number on the connection. */
export function encodeArgs(command: Command, expose: (object: LocalObject) => number): EncodedArgs {
  switch (command.name) {
    case "shell":
      return { args: shellArgs(command.args), transfer: null };
    case "uploadFile":
      return withTransfer({ ...command.args }, "writer", fileWriterObject(command.writer), expose);
    case "uploadDirectory":
      return withTransfer(
        { ...command.args },
        "writer",
        directoryWriterObject(command.writer),
        expose,
      );
    case "downloadFile":
      return withTransfer({ ...command.args }, "reader", fileReaderObject(command.reader), expose);
    default:
      return { args: { ...command.args }, transfer: null };
  }
}

function withTransfer(
  args: { readonly [key: string]: Jelly | undefined },
  key: "writer" | "reader",
  object: Transfer,
  expose: (object: LocalObject) => number,
): EncodedArgs {
  const number = expose(object);
  return { args: { ...args, [key]: new Remote(number) }, transfer: { object, number } };
}

function shellArgs(args: ShellArgs): { readonly [key: string]: Jelly | undefined } {
  const { command, ...rest } = args;
  return { ...rest, command: typeof command === "string" ? command : command.map(argument) };
}

/** The worker runs `real` and prints `shown`. */
function argument(value: Argument): Jelly {
  return typeof value === "string" ? value : new Tuple("obfuscated", value.real, value.shown);
}
