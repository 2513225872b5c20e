// Guarantee: an engine that cannot be asked, or something else in its place, is told from one that
// refuses, in words that help; nothing but the engine is asked, with few sockets, and none is left.
import type { lookup } from "node:dns";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from "node:net";
import { afterAll, describe, expect, test } from "vitest";
import { Endpoints } from "../../../../../server/drivers/docker/endpoint";
import { Engine } from "../../../../../server/drivers/docker/engine";
import { hasOpenssl } from "../../../../support/certificate";
import { startDockerEngine } from "../../../../support/docker-engine";
import { createDockerRig, PASSWORD, SIGNAL } from "../../../../support/docker-rig";
import { dockerCertificates } from "../../../../support/docker-tls";
import { freePorts } from "../../../../support/free-ports";

const rig = createDockerRig({ image: "hostfs" });

/** What each verb fails with. */
async function failures(options: object) {
  const driver = rig.open(options);
  const handle = { key: rig.order().key, tag: rig.order().tag, ref: null, madeAt: null };
  const outcomes = await Promise.allSettled([
    driver.start(rig.order(), SIGNAL),
    driver.inspect(handle, SIGNAL),
    driver.stop(handle, "graceful", SIGNAL),
    driver.list({ installation: rig.installation }, SIGNAL),
  ]);
  return outcomes.map((outcome) => {
    expect(outcome.status).toBe("rejected");
    const { name, code, message } = (outcome as PromiseRejectedResult).reason;
    expect(name).toBe("DriverError");
    expect(message).not.toContain(PASSWORD);
    return { code, message } as { code: string; message: string };
  });
}

async function expectAll(options: object, code: string, words: RegExp) {
  for (const failure of await failures(options)) {
    expect(failure).toEqual({ code, message: expect.stringMatching(words) });
  }
}

const portOf = (server: { address(): unknown }) => (server.address() as AddressInfo).port;
const listening = async <S extends Server | ReturnType<typeof createTcpServer>>(server: S) => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
};

describe("no engine", () => {
  test("nobody there", async () => {
    const [port] = await freePorts(1);
    await expectAll(
      { docker_host: "unix:///nowhere/docker.sock" },
      "provider-down",
      /no such socket/,
    );
    const closed = `tcp://127.0.0.1:${port}`;
    await expectAll({ docker_host: closed }, "provider-down", /nothing listens there/);
    const unknown = "tcp://engine.invalid:2375";
    await expectAll(
      { docker_host: unknown },
      "provider-down",
      /engine\.invalid.*(no host|looked up)/,
    );
  });

  test.each([
    ["an engine", 429, "application/json", '{"message":"slow down"}', "17", 17],
    ["a proxy before it", 503, "text/html", "<h1>Busy</h1>", "17", 17],
    ["one that does not say", 503, "text/html", "<h1>Busy</h1>", "", null],
  ])("%s that asks for a pause", async (_what, status, type, body, after, seconds) => {
    const server = await listening(
      createServer((_request, response) => {
        response.writeHead(status, { "content-type": type, "retry-after": after }).end(body);
      }),
    );
    const driver = rig.open({ docker_host: `tcp://127.0.0.1:${portOf(server)}` });
    await expect(driver.start(rig.order(), SIGNAL)).rejects.toMatchObject({
      name: "DriverError",
      retryAfterSeconds: seconds,
    });
    server.close();
  });

  test.each([
    [
      "a failure in words of its own",
      500,
      "text/plain",
      "proxy: upstream is away",
      /HTTP 500, proxy/,
    ],
    [
      "a failure as a page",
      502,
      "text/html",
      "<h1>Bad gateway</h1>\n",
      /no Docker engine: HTTP 502/,
    ],
    ["a page", 200, "text/html", "<html>\nWelcome\n</html>\n", /no Docker engine/],
    ["a page that says it is JSON", 200, "application/json", "<html>\n", /no Docker engine/],
    ["other JSON", 200, "application/json", '{"hello":"world"}\n', /no Docker engine/],
    ["nothing", 200, "application/json", "", /no Docker engine/],
  ])("%s in place of the engine", async (_what, status, type, body, words) => {
    const server = await listening(
      createServer((_request, response) => {
        response.writeHead(status, { "content-type": type }).end(body);
      }),
    );
    const docker_host = `tcp://127.0.0.1:${portOf(server)}`;
    for (const [verb, { code, message }] of (await failures({ docker_host })).entries()) {
      expect([verb, code]).toEqual([verb, "provider-down"]);
      expect(message).toMatch(words);
    }
    server.close();
  });

  test("a page in place of a build's or a pull's progress ends neither the process nor well", async () => {
    const server = await listening(
      createServer((request, response) => {
        const isImage = /\/(build|images\/create)/.test(request.url ?? "");
        request.resume();
        response.writeHead(isImage ? 200 : 404, { "content-type": "application/json" });
        response.end(isImage ? "<html>\nnot a line of JSON\n" : '{"message":"No such image"}');
      }),
    );
    const docker_host = `tcp://127.0.0.1:${portOf(server)}`;
    for (const options of [{ autopull: true }, { dockerfile: "FROM tiny\n" }]) {
      const start = rig
        .open({ docker_host, image: "some:1", ...options })
        .start(rig.order(), SIGNAL);
      await expect(start).rejects.toMatchObject({
        code: "provider-down",
        message: expect.stringContaining("no Docker engine's: <html>"),
      });
    }
    server.close();
  });

  test("one that shows what it was sent shows nobody a password", async () => {
    const server = await listening(
      createServer((request, response) => {
        const shown = [request.headers["x-registry-auth"], request.headers["x-registry-config"]];
        request.on("data", (chunk: Buffer) => shown.push(chunk.toString().replace(/^.*"Env"/, "")));
        request.on("end", () => {
          const isThere = /version|images\/here/.test(request.url ?? "");
          if (isThere) response.setHeader("content-type", "application/json");
          response.statusCode = isThere ? 200 : request.method === "GET" ? 404 : 502;
          const missing = '{"message":"no such thing"}';
          const found = '{"Version":"1","ApiVersion":"1.41","Id":"sha256:1"}';
          const page = `<html>${shown.filter(Boolean).join(" ")}`;
          response.end(isThere ? found : request.method === "GET" ? missing : page);
        });
      }),
    );
    const docker_host = `tcp://127.0.0.1:${portOf(server)}`;
    const registry_auth = { username: "u", password: "hunter two ".repeat(99) };
    for (const options of [
      { image: "here" },
      { image: "absent:1", autopull: true, registry_auth },
    ]) {
      const start = rig.open({ docker_host, ...options }).start(rig.order(), SIGNAL);
      const error = await start.catch((reason: Error) => reason);
      expect(error).toMatchObject({
        code: "provider-down",
        message: expect.stringContaining("502"),
      });
      expect(String(error)).toContain("<hidden>");
      expect(String(error)).not.toContain(PASSWORD);
      expect(String(error)).not.toContain(
        Buffer.from('{"username').toString("base64").slice(0, 12),
      );
    }
    server.close();
  });

  test("one that hangs up, one that never ends, one that never answers", async () => {
    const hangs = await listening(createTcpServer((socket) => socket.destroy()));
    const hanging = `tcp://127.0.0.1:${portOf(hangs)}`;
    await expectAll({ docker_host: hanging }, "provider-down", /connection broke/);
    hangs.close();
    const endless = await listening(
      createServer((_request, response) => {
        response.writeHead(200, { "content-type": "application/json" });
        const more = () => {
          while (!response.destroyed && response.write(Buffer.alloc(65_536, 32)));
        };
        response.on("drain", more);
        more();
      }),
    );
    const inspected = rig
      .open({ docker_host: `tcp://127.0.0.1:${portOf(endless)}` })
      .list({ installation: "x" }, SIGNAL);
    await expect(inspected).rejects.toMatchObject({ code: "provider-down" });
    endless.close();
    const sockets: Socket[] = [];
    const silent = await listening(createTcpServer((socket) => sockets.push(socket)));
    const patience = new AbortController();
    const waiting = rig
      .open({ docker_host: `tcp://127.0.0.1:${portOf(silent)}` })
      .list({ installation: "x" }, patience.signal);
    while (sockets.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const ended = new Promise((resolve) => sockets[0]?.once("close", resolve).resume());
    patience.abort(new Error("given up"));
    await expect(waiting).rejects.toThrow("given up");
    await ended;
    silent.close();
  });

  test("one whose answers are lists and maps without end, of anything", async () => {
    const many = 5_000_000;
    const labels = Array.from({ length: many / 20 }, (_, at) => `"${at}":0`).join();
    const answers: readonly (readonly [string, string, RegExp])[] = [
      ["/containers/json", `[${"0,".repeat(many)}0]`, /has more than 10000 entries/],
      ["/containers/json", `[${"0,".repeat(100)}0]`, /0: Invalid input: expected object/],
      ["/json", `{"Config":{"Labels":{${labels}}}}`, /more than 2097152 bytes/],
      ["/json", `{"Config":{"Env":[${"0,".repeat(many / 10)}0]}}`, /Id: Invalid input/],
    ];
    for (const [path, answer, says] of answers) {
      const server = await listening(
        createServer(({ url = "" }, response) => {
          const body = url.split("?")[0]?.endsWith(path)
            ? answer
            : '{"Version":"1","ApiVersion":"1.41"}';
          response.writeHead(200, { "content-type": "application/json" }).end(body);
        }),
      );
      const driver = rig.open({ docker_host: `tcp://127.0.0.1:${portOf(server)}` });
      const { key, tag } = rig.order();
      const asked = path.startsWith("/containers")
        ? driver.list({ installation: "x" }, SIGNAL)
        : driver.inspect({ key, tag, ref: null, madeAt: null }, SIGNAL);
      // All that is wrong with each of millions would take this process gigabytes.
      await expect(asked).rejects.toMatchObject({
        ...{ code: "provider-down", message: expect.stringMatching(says) },
      });
      server.close();
    }
    expect(process.resourceUsage().maxRSS).toBeLessThan(1_500_000);
  });

  test("where it is told to go instead it does not go", async () => {
    const asked: string[] = [];
    const elsewhere = await listening(
      createServer((request, response) => {
        asked.push(request.url ?? "");
        response.end("[]");
      }),
    );
    const server = await listening(
      createServer((_request, response) => {
        const location = `http://127.0.0.1:${portOf(elsewhere)}/`;
        response.writeHead(307, { location }).end();
      }),
    );
    const docker_host = `tcp://127.0.0.1:${portOf(server)}`;
    await expectAll({ docker_host }, "provider-down", /no Docker engine: HTTP 307/);
    expect(asked).toEqual([]);
    server.close();
    elsewhere.close();
  });
});

describe("lent to strangers", () => {
  const hosted = createDockerRig({ image: "hostfs" }, { isHosted: true });

  test.each([
    "unix:///var/run/docker.sock",
    "tcp://localhost:2375",
    "tcp://10.1.2.3:2375",
    "tcp://169.254.169.254:80",
    "tcp://[::1]:2375",
    "tcp://[::ffff:127.0.0.1]:2375",
    "tcp://docker:2375",
    "tcp://0x7f.1:2375",
    "tcp://2130706433:2375",
  ])("%s is not asked", async (docker_host) => {
    const start = hosted.open({ docker_host }).start(hosted.order(), SIGNAL);
    await expect(start).rejects.toMatchObject({
      code: "bad-configuration",
      message: expect.stringContaining("lends to nobody"),
    });
  });

  test("a name that leads into the server's own network is not asked either", async () => {
    const asked: string[] = [];
    const server = await listening(createServer((request) => asked.push(request.url ?? "")));
    const toHere = ((_host: string, _options: object, callback: (...of: unknown[]) => void) =>
      callback(null, [{ address: "127.0.0.1", family: 4 }])) as unknown as typeof lookup;
    const endpoint = new Endpoints(true, toHere).of({
      docker_host: `tcp://engine.example.org:${portOf(server)}`,
    });
    await expect(new Engine(endpoint, null, SIGNAL).container("x")).rejects.toMatchObject({
      code: "bad-configuration",
      message: expect.stringContaining("lends to nobody"),
    });
    expect(asked).toEqual([]);
    server.close();
  });
});

describe("the server's own public addresses, where strangers are served", () => {
  const own = ["203.0.113.7", "2001:db8::7"];
  const leadsTo = (address: string, family: 4 | 6) =>
    ((_host: string, _options: object, callback: (...of: unknown[]) => void) =>
      callback(null, [{ address, family }])) as unknown as typeof lookup;
  const refused = {
    code: "bad-configuration",
    message: expect.stringContaining("lends to nobody"),
  };

  test("are not asked, however they are written", () => {
    const endpoints = new Endpoints(true, undefined, () => own);
    for (const host of ["203.0.113.7", "0xcb.0.113.7", "[2001:DB8:0::7]"]) {
      const open = () => endpoints.of({ docker_host: `tcp://${host}:2375` });
      expect(open).toThrow(expect.objectContaining(refused));
    }
    expect(endpoints.of({ docker_host: "tcp://203.0.113.8:2375" })).toBeDefined();
  });

  test.each([
    ["203.0.113.7", 4],
    ["2001:db8:0:0::7", 6],
  ] as const)("nor is a name that leads to %s", async (address, family) => {
    const endpoint = new Endpoints(true, leadsTo(address, family), () => own).of({
      docker_host: "tcp://engine.example.org:2375",
    });
    const asked = new Engine(endpoint, null, SIGNAL).container("x");
    await expect(asked).rejects.toMatchObject(refused);
  });
});

const withTls = hasOpenssl();
const certificates = withTls ? dockerCertificates() : null;
const [tlsPort, plainPort] = await freePorts(2);
const engine = await startDockerEngine({
  args: certificates ? [...certificates.args, "-H", `tcp://127.0.0.1:${tlsPort}`] : [],
});

afterAll(async () => {
  await engine?.stop();
  certificates?.remove();
});

describe.skipIf(engine === null || certificates === null)("TLS", () => {
  if (engine === null || certificates === null) return;
  const { tls } = certificates;
  const at = `tcp://localhost:${tlsPort}`;

  test("an engine that lets in only whom it knows lets us in", async () => {
    const driver = rig.open({ docker_host: at, tls, ...engine.hostfs });
    const made = await driver.start(rig.order(), SIGNAL);
    await rig.until(driver, made, "running");
    await driver.stop(made, "now", SIGNAL);
    // Its certificate is not for the number; who does not want to know may not know.
    const byNumber = `tcp://127.0.0.1:${tlsPort}`;
    const blind = rig.open({ docker_host: byNumber, tls: { ...tls, verify: false } });
    expect(await blind.list({ installation: rig.installation }, SIGNAL)).toEqual([]);
    await expectAll(
      { docker_host: byNumber, tls },
      "bad-configuration",
      /another name than docker_host/,
    );
  });

  test("what does not fit says what it is, and no key", async () => {
    const other = dockerCertificates();
    const { ca } = tls;
    for (const [options, words] of [
      [
        { tls: { ...tls, ca: other.tls.ca } },
        /TLS with the engine at .* not by the authority in ca/,
      ],
      [{ tls: { ca } }, /TLS with the engine at .* does not accept our certificate/],
      [
        { tls: { ca, cert: other.tls.cert, key: other.tls.key } },
        /does not accept our certificate/,
      ],
      [
        { tls: { ca, cert: tls.cert, key: other.tls.key } },
        /TLS.*key.*See whether ca, cert and key/s,
      ],
      [{}, /wants TLS: set tls/],
    ] as const) {
      for (const { code, message } of await failures({ docker_host: at, ...options })) {
        expect({ code, message }).toEqual({
          code: "bad-configuration",
          message: expect.stringMatching(words),
        });
        expect(message).not.toContain("BEGIN");
      }
    }
    other.remove();
    const plain = await listening(createServer((_request, response) => response.end("[]")));
    const notTls = { docker_host: `tcp://localhost:${portOf(plain)}`, tls };
    await expectAll(notTls, "bad-configuration", /does not speak TLS/);
    plain.close();
  });
});

describe.skipIf(engine === null)("sockets", () => {
  if (engine === null) return;

  test("of many machines at once few are open, none stays, and no password is in an address", async () => {
    let open = 0;
    let most = 0;
    let said = "";
    const proxy = createTcpServer((socket) => {
      open += 1;
      most = Math.max(most, open);
      const behind = connect(engine.host.slice("unix://".length));
      socket.on("data", (chunk) => {
        said += String(chunk).split("\r\n")[0];
      });
      socket.pipe(behind).pipe(socket);
      socket
        .on("error", () => {})
        .on("close", () => {
          open -= 1;
          behind.destroy();
        });
      behind.on("error", () => {});
    });
    await new Promise<void>((resolve) => proxy.listen(plainPort, "127.0.0.1", resolve));
    const docker_host = `tcp://127.0.0.1:${plainPort}`;
    const driver = () => rig.open({ docker_host, ...engine.hostfs });
    const made = await driver().start(rig.order(), SIGNAL);
    const owner = { installation: rig.installation };
    const lists = await Promise.all(Array.from({ length: 60 }, () => driver().list(owner, SIGNAL)));
    expect(lists.every(([handle]) => handle?.key === made.key)).toBe(true);
    await driver().stop(made, "now", SIGNAL);
    // Who listens for ends has one socket for all, and none when there is nothing to be heard.
    const heard = rig.open({ docker_host, ...engine.hostfs }, () => {});
    const others = [2, 3, 4].map((worker) => rig.order(worker));
    const machines = await Promise.all(others.map((order) => heard.start(order, SIGNAL)));
    while (open > 1) await new Promise((resolve) => setTimeout(resolve, 5));
    const refused = { docker_host, image: "nowhere/nothing:1" };
    await expect(rig.open(refused, () => {}).start(rig.order(5), SIGNAL)).rejects.toThrow();
    await Promise.all(machines.map((machine) => heard.stop(machine, "now", SIGNAL)));
    // Eight; of some that are closed already this proxy has not heard.
    expect(most).toBeLessThanOrEqual(16);
    while (open > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(said).toContain("/containers/create");
    expect(said).not.toContain(PASSWORD);
    proxy.close();
  });
});
