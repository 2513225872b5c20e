/** The document of a first project, as a person would write it: what the page shows is what is activated. */
import type { RepositoryCheck } from "@/server/api/repositories/check";

export interface Draft {
  readonly project: string;
  readonly repourl: string;
  readonly branch: string;
  readonly credentials: RepositoryCheck["credentials"];
  readonly workers: readonly string[];
  /** One command a step. */
  readonly commands: readonly string[];
}

const POLL_SECONDS = 60;
const STEP_NAME_LENGTH = 40;

/** Plain where YAML reads it as that text, else quoted as JSON, which YAML is a superset of. */
export function scalar(text: string): string {
  const isPlain =
    /^[A-Za-z][\w./-]*$/.test(text) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(text);
  return isPlain ? text : JSON.stringify(text);
}

/** In an option that may be a template, a % that is meant is doubled before a parenthesis. */
const literal = (text: string): string =>
  scalar(text.includes("%(") ? text.replaceAll("%", "%%") : text);

/** As documents are given out again; quoted, because YAML has its own idea of a leading %. */
const reference = (name: string) => JSON.stringify(`%(secret:${name})s`);

function credentialsOf({ credentials }: Draft): string[] {
  const { username, password, sshPrivateKey } = credentials;
  if (sshPrivateKey !== undefined) return [`sshPrivateKey: ${reference(sshPrivateKey)}`];
  if (password === undefined) return [];
  return [`auth_credentials: [${scalar(username ?? "")}, ${reference(password)}]`];
}

export function projectYaml(draft: Draft): string {
  const { project, repourl, branch, workers, commands } = draft;
  const secret = credentialsOf(draft);
  const names = stepNames(commands);
  return `${[
    "projects:",
    `  ${scalar(project)}:`,
    "    change_source:",
    "      - type: GitPoller",
    `        repourl: ${scalar(repourl)}`,
    `        branches: [${scalar(branch)}]`,
    `        pollInterval: ${POLL_SECONDS}`,
    ...secret.map((line) => `        ${line}`),
    "    schedulers:",
    "      - type: SingleBranchScheduler",
    `        name: ${scalar(`${project}-${branch}`)}`,
    `        change_filter: {branch: ${scalar(branch)}}`,
    `        builderNames: [${scalar(project)}]`,
    "      - type: ForceScheduler",
    `        name: ${scalar(`${project}-force`)}`,
    `        builderNames: [${scalar(project)}]`,
    "    builders:",
    `      - name: ${scalar(project)}`,
    `        workernames: [${workers.map(scalar).join(", ")}]`,
    "        factory:",
    "          - type: Git",
    `            repourl: ${literal(repourl)}`,
    `            branch: ${literal(branch)}`,
    "            mode: incremental",
    ...secret.map((line) => `            ${line}`),
    ...commands.flatMap((command, index) => [
      "          - type: ShellCommand",
      `            name: ${scalar(names[index] ?? "run")}`,
      `            command: ${literal(command)}`,
      "            haltOnFailure: true",
    ]),
  ].join("\n")}\n`;
}

/** The command itself, short; told apart where two are alike. */
function stepNames(commands: readonly string[]): string[] {
  const seen = new Map<string, number>();
  return commands.map((command) => {
    const words = command.replaceAll(/[^\p{L}\p{N} ._/:=-]/gu, " ").split(/\s+/);
    const name = words.filter(Boolean).join(" ").slice(0, STEP_NAME_LENGTH).trim() || "run";
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return count === 1 ? name : `${name} ${count}`;
  });
}

/** `https://git.example.org/group/hull.git` → `hull` */
export function projectNameOf(repourl: string): string {
  const last =
    repourl
      .replace(/\/+$/, "")
      .replace(/\.git$/, "")
      .split(/[/:]/)
      .at(-1) ?? "";
  const name = last
    .replaceAll(/[^A-Za-z0-9._-]/g, "-")
    .replace(/^[^A-Za-z0-9]+/, "")
    .slice(0, 60);
  return name === "" ? "project" : name;
}

export const commandsIn = (text: string): string[] =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
