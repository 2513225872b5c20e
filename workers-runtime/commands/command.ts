/** What this worker can be asked to do: the domain's commands, in either protocol's breadth. */
import type { Command } from "../../server/domain/wire";

/** Over msgpack one `mkdir` makes several directories. */
interface MakeDirectories {
  readonly name: "mkdir";
  readonly args: { readonly dir: string | readonly string[] };
}

export type WorkerCommand = Exclude<Command, { name: "mkdir" }> | MakeDirectories;
