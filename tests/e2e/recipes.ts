/**
 * What the shared installation builds. Each journey has workers and builders of its own, so none
 * waits for another's.
 *
 * Commands that a test leads by the hand wait for a file in the folder $GATE of their worker's
 * environment: `gate.open("more")` lets them go on.
 */
export const WORKER_PASSWORD = "pass-of-the-journeys";

const step = (name: string, command: string, more: object = {}) => ({
  type: "ShellCommand",
  name,
  command,
  logEnviron: false,
  ...more,
});

const atGate = (name: string) => `until [ -e "$GATE/${name}" ]; do sleep 0.1; done`;

const counted = (word: string, count: number) =>
  `i=0; while [ $i -lt ${count} ]; do i=$((i+1)); echo "${word} $i"; done`;

export const MANY_LINES = 1_000_000;

const builder = (name: string, workernames: string[], steps: object[], more: object = {}) => ({
  name,
  workernames,
  factory: steps,
  ...more,
});

const BUILDERS = {
  // Lives as long as its worker, unless the worker is the one that lets it end.
  "lost-worker": [
    builder(
      "tide",
      ["ebb", "flood"],
      [
        step(
          "wait",
          'echo "begun"; [ -n "$MAY_END" ] || while kill -0 $PPID 2>/dev/null; do sleep 0.1; done; echo "ended"',
        ),
      ],
    ),
  ],
  // Its secret is never set, so each build ends as an exception.
  resting: [builder("bilge", ["limper"], [step("pump", "echo %(secret:bilge-key)s")])],
  stopped: [
    builder("anchor", ["bollard"], [step("hold", `echo holding; ${atGate("go")}; echo up`)]),
  ],
  logs: [
    builder("long-log", ["cable"], [step("count", `seq -f 'row %.0f' 1 ${MANY_LINES}`)]),
    builder(
      "live-log",
      ["cable"],
      [
        step(
          "talk",
          [
            counted("early", 400),
            String.raw`printf 'plain \033[31mred\033[0m \033[1;38;2;10;120;200mblue\033[0m end\n'`,
            atGate("more"),
            counted("later", 300),
            atGate("end"),
            "echo last",
          ].join("; "),
        ),
      ],
    ),
  ],
  pending: [builder("queue", ["berth"], [step("load", "echo loaded")])],
  keys: [
    builder(
      "capstan",
      ["deckhand"],
      [
        step("prepare", "echo ready"),
        step("compile", "echo 'main.c:3: error: no such rope'; exit 1", { haltOnFailure: false }),
        step("tidy", "echo swept"),
        step("test", "echo 'not ok 1'; exit 1", { haltOnFailure: false }),
        step("report", "echo written"),
      ],
    ),
  ],
  forms: [
    builder("crane", ["stevedore", "winch"], [step("load", "echo loaded")], {
      canStartBuild: "enforceChosenWorker",
      description: "Started by a form",
    }),
  ],
  pages: [
    builder(
      "harbour-tests",
      ["quay"],
      [
        step("configure", "echo configured"),
        step("test", "echo 'ok 1 - floats'; echo 'ok 2 - steers'"),
      ],
      {
        tags: ["unit", "linux"],
        description: "Unit tests with the newest compiler",
      },
    ),
    builder(
      "lighthouse",
      ["quay"],
      [
        step("configure", "echo configured"),
        step(
          "test",
          [
            counted("checking lamp", 120),
            String.raw`printf '\033[31merror: lamp 7 is dark\033[0m\n'`,
            'echo "lamp 7: expected light" >&2',
            counted("checking horn", 40),
            '[ -n "$LAMP" ]',
          ].join("; "),
          { haltOnFailure: true },
        ),
        step("upload", "echo sent"),
      ],
      { tags: ["unit"], description: "Turns red until the lamp is mended" },
    ),
    builder("dredger", ["quay"], [step("dig", `echo digging; ${atGate("dug")}; echo dug`)]),
    builder("salvage", ["sunken-worker"], [step("dive", "echo diving")]),
    builder("crossing", ["ferry"], [step("cross", "echo 'the other shore'")]),
  ],
};

/** A form with something of each kind. */
const SCHEDULERS: Readonly<Record<string, object[]>> = {
  forms: [
    {
      type: "ForceScheduler",
      name: "load",
      label: "Load a ship",
      buttonName: "Load",
      builderNames: ["crane"],
      codebases: [{ type: "CodebaseParameter", codebase: "", patch: { type: "PatchParameter" } }],
      properties: [
        {
          type: "ChoiceStringParameter",
          name: "cargo",
          choices: ["grain", "timber"],
          tooltip: "Timber needs the large hook.",
          autopopulate: { grain: { lift_hook: "small" }, timber: { lift_hook: "large" } },
        },
        {
          type: "NestedParameter",
          name: "",
          layout: "tabs",
          label: "Details",
          fields: [
            {
              type: "NestedParameter",
              name: "ship",
              label: "Ship",
              columns: 2,
              fields: [
                {
                  type: "StringParameter",
                  name: "name",
                  label: "Name of the ship:",
                  required: true,
                },
                {
                  type: "ChoiceStringParameter",
                  name: "decks",
                  choices: ["upper", "lower"],
                  multiple: true,
                },
                { type: "BooleanParameter", name: "iced", label: "Ice class", default: true },
              ],
            },
            {
              type: "NestedParameter",
              name: "lift",
              label: "Lift",
              fields: [
                { type: "StringParameter", name: "hook" },
                { type: "IntParameter", name: "tons", label: "Tons:", default: 12 },
                { type: "TextParameter", name: "orders", rows: 3 },
              ],
            },
          ],
        },
        { type: "FileParameter", name: "manifest", label: "Manifest", maxsize: 2000 },
        { type: "WorkerChoiceParameter", name: "workername" },
        { type: "AnyPropertyParameter", name: "more", label: "Any other property" },
      ],
    },
  ],
};

export const CONFIG = {
  workers: [
    ...[
      ...["ebb", "flood", "bollard", "cable", "berth", "deckhand", "quay", "sunken-worker"],
      ...["stevedore", "winch", "tender-1", "tender-2", "limper"],
    ].map((name) => ({
      type: "Worker",
      name,
      password: WORKER_PASSWORD,
    })),
    // A machine of its own for each build, in a process of the installation's host.
    { type: "LocalLatentWorker", name: "ferry", build_wait_timeout: 0 },
  ],
  pools: [{ name: "barges", maxWorkers: 2, worker: { type: "LocalLatentWorker" } }],
  projects: Object.fromEntries(
    Object.entries(BUILDERS).map(([name, builders]) => [
      name,
      { builders, ...(SCHEDULERS[name] ? { schedulers: SCHEDULERS[name] } : {}) },
    ]),
  ),
};
