// Guarantee: the settings in a worker's buildbot.tac are read as Python would come to them, by whichever
// worker it was made; what the file computes is refused by its line; and nothing of it is ever run.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createArguments } from "../../../../workers-runtime/cli/arguments";
import { DEFAULTS, readSettings } from "../../../../workers-runtime/cli/settings";
import { writeTac } from "../../../../workers-runtime/cli/tac/write-tac";

let dir = "";

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "slipway-tac-"));
});

afterAll(() => rmSync(dir, { recursive: true, force: true }));

function read(text: string, environment: Record<string, string> = {}) {
  writeFileSync(join(dir, "buildbot.tac"), text);
  return readSettings(dir, environment);
}

const call = (more: string) => `s = Worker("host", 9989, "w1", "pass", ".", 600, ${more})\n`;

describe("a file of our own", () => {
  it.each([
    ["--umask=0o22 -k 0 --maxdelay=10 --maxretries=3 --numcpus=2 -a file -l None"],
    ["--use-tls --delete-leftover-dirs -s 5000 --protocol=msgpack_experimental_v7 --path=/w"],
    ["--proxy-connection-string=http://me:word@proxy:3128 --no-logrotate"],
    ["--connection-string=TLS:host:1:trustRoots=/a\\:b"],
    ["--kept-output=5000 --kept-time=60"],
    ["--kept-output=0"],
    ["--give-up-after=900"],
  ])("says again what it was made of: %s", (options) => {
    const words = 'a "quoted"\\ pass\'word\twith ünï¢öde \u{1f511} and #';
    const { settings } = createArguments([...options.split(" "), dir, "[::1]:4711", "w1", words]);
    expect(read(writeTac({ settings, basedir: dir }))).toEqual(settings);
    expect(read(writeTac({ settings, basedir: null }))).toEqual(settings);
  });
});

it("reads a file that takes its values from the environment, as images do", () => {
  const text = `
import fnmatch, os, sys
basedir = os.environ.get("BUILDBOT_BASEDIR", os.path.abspath(os.path.dirname(__file__)))
application = service.Application('buildbot-worker')
application.setComponent(ILogObserver, FileLogObserver(sys.stdout).emit)
buildmaster_host = os.environ.get("BUILDMASTER", 'localhost')
port = int(os.environ.get("BUILDMASTER_PORT", 9989))
passwd = os.environ["WORKERPASS"]
blacklist = os.environ.get('BLACKLIST', 'WORKERPASS').split()
for name in list(os.environ.keys()):
    for toremove in blacklist:
        if fnmatch.fnmatch(name, toremove):
            del os.environ[name]
s = Worker(buildmaster_host, port, os.getenv("WORKERNAME"), passwd, basedir,
           keepalive=600, umask=None,  # a comment
           maxRetries=10)
`;
  const environment = { BUILDMASTER: "m", BUILDMASTER_PORT: "7", WORKERNAME: "w", WORKERPASS: "p" };
  expect(read(text, environment)).toEqual({
    ...DEFAULTS,
    ...{ master: "m:7", name: "w", password: "p", maxretries: 10, logSize: null },
  });
  expect(() => read(text)).toThrow(/buildbot.tac: line \d+: passwd is computed/);
});

it("reads what Python reads: octal umasks, texts of all kinds, old constructors", () => {
  const old =
    "s = BuildSlave('h', 9989, 'w', 'p' r'\\n' \"\\x41\\u00e9\\101\", '.', 600, None, umask=022)\n";
  expect(read(old)).toMatchObject({ password: "p\\nAéA", umask: 0o22, master: "h:9989" });
  expect(read(call("usepty=0, umask=0o27"))).toMatchObject({ umask: 0o27 });
  const connected = 's = Worker(None, None, "w", "p", ".", 0, connection_string="TCP:h:1")\n';
  expect(read(connected)).toMatchObject({ master: "TCP:h:1", keepalive: 0 });
  const long = "s = Worker('h', 1, 'w', '\\U0001f511\\u00e9', '.', 1)\n";
  expect(read(long)).toMatchObject({ password: "\u{1f511}é" });
  const strange = 'passwd = """two\nlines"""\ns = Worker("fe80::1", "99", "w", passwd, ".", (60))';
  expect(read(strange)).toMatchObject({ master: "[fe80::1]:99", password: "two\nlines" });
  const rotated = `rotateLength = 5\nl = LogFile.fromFullPath("x", rotateLength=rotateLength, maxRotatedFiles=None)\n`;
  expect(read(rotated + call(""))).toMatchObject({ logSize: 5, logCount: null });
});

it.each([
  ["a = 1\n", "there is no Worker"],
  [call("allow_shutdown='maybe'"), "allowShutdown must be"],
  [call("umask=open('x').read()"), "line 1: umask is computed"],
  [call("numcpus=2 if x else 3"), "line 1: numcpus is computed"],
  [call("numcpus=constructor"), "line 1: numcpus is computed"],
  [call("numcpus=os.environ['constructor']"), "line 1: numcpus is computed"],
  [call("**more"), "line 1: an argument: not known"],
  [call("colour='red'"), "line 1: colour: not known"],
  [call("") + call(""), "line 2: one Worker"],
  [`if True:\n    ${call("")}`, "line 2: one Worker"],
  [`for n in x:\n  maxdelay = 5\n${call("maxdelay=maxdelay")}`, "line 3: maxdelay is computed"],
  [call("connection_string='TCP:h:1'"), "host and port must be None"],
  ["s = Worker('h', 1, 'w', 'p', '/elsewhere', 1)", "basedir is /elsewhere"],
  ["s = Worker('h', 1, 'w', 'p", "line 1: a text is not closed"],
  ["s = Worker('h', 1, 'w', 'p',", "a bracket is not closed"],
  ["s = Worker('h', 1, 'w', f'{p}', '.', 1)", "passwd is computed"],
  [`x = "${"a".repeat(300_000)}"`, "too long"],
])("refuses %j", (text, words) => {
  expect(() => read(text)).toThrow(words);
});
