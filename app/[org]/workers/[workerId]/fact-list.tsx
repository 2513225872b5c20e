"use client";

import Link from "next/link";
import { routes } from "@/app/_client/navigation";
import { useOrg } from "@/app/_shell/org";
import { Facts } from "@/app/_ui/facts";
import { Ago } from "@/app/_ui/time";
import type { WorkerPage } from "@/server/api/workers/one";

const NAMED = ["admin", "host", "access_uri"];

export function FactList({ worker }: { worker: WorkerPage }) {
  const org = useOrg();
  const commands = Object.keys(worker.commands).sort();
  const others = Object.entries(worker.info)
    .filter(([name]) => !NAMED.includes(name))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return (
    <>
      <Facts
        facts={[
          ["Kind", worker.kind],
          [
            "Pool",
            worker.pool === null ? null : (
              <Link key="pool" className="link" href={routes.pool(org.slug, worker.pool.id)}>
                {worker.pool.name}
              </Link>
            ),
          ],
          ["Logs in as", <Code key="login" text={worker.loginName} />],
          ["Admin", worker.info.admin],
          ["Host", worker.info.host],
          ["Access", <Access key="access" uri={worker.info.access_uri} />],
          ["Version", worker.version],
          ["System", worker.system],
          ["Processors", worker.numcpus === null ? null : String(worker.numcpus)],
          ["Directory", worker.basedir ? <Code key="dir" text={worker.basedir} /> : null],
          ["Builds at once", worker.maxBuilds === null ? "no limit" : String(worker.maxBuilds)],
          ["Protocol", worker.isConnected ? `${worker.protocol} from ${worker.peer}` : null],
          [
            "Connected",
            worker.isConnected && worker.connectedAt !== null ? (
              <Ago key="since" at={worker.connectedAt} />
            ) : null,
          ],
          ["Last seen", worker.isConnected ? null : <Ago key="seen" at={worker.lastSeenAt} />],
          ["Known since", <Ago key="created" at={worker.createdAt} />],
          ...others.map(([name, value]) => [name, value] as const),
        ]}
      />
      {commands.length > 0 ? (
        <details className="mt-4">
          <summary className="text-muted hover:text-fg">
            {commands.length} commands that it knows
          </summary>
          <Facts
            facts={commands.map((name) => [
              name,
              <Code key={name} text={worker.commands[name] ?? ""} />,
            ])}
          />
        </details>
      ) : null}
    </>
  );
}

const Code = ({ text }: { text: string }) => <code className="num">{text}</code>;

/** A way to the machine, as its admin wrote it; only what a browser opens safely is a link. */
function Access({ uri }: { uri: string | undefined }) {
  if (!uri) return <span className="text-faint">not said: the file info/access_uri</span>;
  return /^(https?|ssh):\/\//.test(uri) ? (
    <a className="link break-all" href={uri} rel="noreferrer">
      {uri}
    </a>
  ) : (
    <>{uri}</>
  );
}
