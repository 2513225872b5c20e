/** What a repository is likely to want to run, by what lies in its root. */
export interface Suggestion {
  readonly title: string;
  /** One command a line, each a step. */
  readonly commands: readonly string[];
}

interface Sign {
  readonly title: string;
  readonly files: RegExp;
  commands(has: (name: string) => boolean): readonly string[];
}

const SIGNS: readonly Sign[] = [
  {
    title: "Node.js",
    files: /^package\.json$/,
    commands(has) {
      if (has("pnpm-lock.yaml")) return ["pnpm install --frozen-lockfile", "pnpm test"];
      if (has("yarn.lock")) return ["yarn install --frozen-lockfile", "yarn test"];
      return [has("package-lock.json") ? "npm ci" : "npm install", "npm test"];
    },
  },
  {
    title: "Python",
    files: /^(pyproject\.toml|setup\.py|setup\.cfg|tox\.ini)$/,
    commands: (has) =>
      has("tox.ini")
        ? ["tox"]
        : has("pytest.ini") || has("conftest.py")
          ? ["python3 -m pytest"]
          : ["python3 -m unittest"],
  },
  { title: "Rust", files: /^Cargo\.toml$/, commands: () => ["cargo build", "cargo test"] },
  { title: "Go", files: /^go\.mod$/, commands: () => ["go build ./...", "go test ./..."] },
  {
    title: "CMake",
    files: /^CMakeLists\.txt$/,
    commands: () => ["cmake -S . -B out", "cmake --build out", "ctest --test-dir out"],
  },
  { title: "Maven", files: /^pom\.xml$/, commands: () => ["mvn -B verify"] },
  {
    title: "Gradle",
    files: /^build\.gradle(\.kts)?$/,
    commands: (has) => [has("gradlew") ? "./gradlew build" : "gradle build"],
  },
  {
    title: "Autotools",
    files: /^configure$/,
    commands: () => ["./configure", "make", "make check"],
  },
  { title: "Make", files: /^(GNU)?[Mm]akefile$/, commands: () => ["make", "make test"] },
];

export function suggestionsFor(files: readonly string[]): Suggestion[] {
  const names = new Set(files);
  return SIGNS.filter(({ files: sign }) => files.some((name) => sign.test(name))).map(
    ({ title, commands }) => ({ title, commands: commands((name) => names.has(name)) }),
  );
}
