/** To begin with, where nothing is. */
const BUILDERS = `builders:
  - name: hello-tests
    workernames: [linux-1]
    tags: [unit]
    factory:
      - {type: ShellCommand, name: greet, command: [echo, "It floats"]}
      - {type: ShellCommand, name: test, command: "uname -a", haltOnFailure: true}
`;

export const EXAMPLE_FILE = `workers:
  - type: Worker
    name: linux-1
    # Moves to the secret store when this is activated.
    password: change-this-password
    max_builds: 2
projects:
  hello:
    description: A first project
${BUILDERS.replaceAll(/^/gm, "    ").trimEnd()}
`;

/** @param worker one that exists */
export const exampleProject = (worker: string | undefined): string =>
  `description: A new project\n${BUILDERS.replace("hello-tests", "tests").replace("linux-1", worker ?? "linux-1")}`;
