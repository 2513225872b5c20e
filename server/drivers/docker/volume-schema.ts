/** A volume as `docker -v` takes it: `SOURCE:TARGET`, then perhaps modes, parsed from the end. */
export interface Volume {
  /** A directory of the engine's host, or the name of a volume. */
  readonly source: string;
  /** Where the container sees it. */
  readonly target: string;
  readonly modes: readonly string[];
}

/** One of each group at most. */
const MODES = [
  ["ro", "rw"],
  ["z", "Z"],
  ["private", "rprivate", "shared", "rshared", "slave", "rslave"],
  ["nocopy"],
  ["consistent", "cached", "delegated"],
] as const;

/** @returns what stands in it, or why it is none, for a person */
export function readVolume(text: string): Volume | string {
  const colon = text.indexOf(":");
  if (colon < 0) return "has no colon: write SOURCE:TARGET, SOURCE:TARGET:ro or the like";
  const source = text.slice(0, colon);
  const rest = text.slice(colon + 1);
  const last = rest.lastIndexOf(":");
  const target = last < 0 ? rest : rest.slice(0, last);
  if (source === "") return "has no source before its colon";
  // Part of it may be a property, and so what somebody called a branch.
  if (source.split("/").includes("..")) return "must not have .. in its source";
  if (!target.startsWith("/")) return "must have a path that begins with / as its target";
  const modes = last < 0 ? [] : rest.slice(last + 1).split(",");
  const problem = modesProblem(modes);
  return problem ?? { source, target, modes };
}

function modesProblem(modes: readonly string[]): string | null {
  const seen = new Map<readonly string[], string>();
  for (const mode of modes) {
    const group = MODES.find((each) => (each as readonly string[]).includes(mode));
    if (!group) return `has the mode ${JSON.stringify(mode)}: known are ${MODES.flat().join(", ")}`;
    const other = seen.get(group);
    if (other !== undefined) return `has the modes ${other} and ${mode}, which do not go together`;
    seen.set(group, mode);
  }
  return null;
}
