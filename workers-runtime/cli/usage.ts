/** A command line that makes no sense: exit status 64, as `sysexits.h` has it. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

export const EXIT_USAGE = 64;

export const HELP = `usage: slipway-worker <command> [options]

  create-worker [options] BASEDIR MASTER[:PORT] NAME PASSWORD
                        make a worker's directory; the port is 9989 unless given
  start [--nodaemon] [--quiet] [BASEDIR]
                        start the worker, in the background unless --nodaemon; the settings are in
                        BASEDIR/buildbot.tac, which may be one that buildbot-worker made
  stop [--quiet] [BASEDIR]
                        stop it; running commands are killed
  restart [--nodaemon] [--quiet] [BASEDIR]
  run --basedir DIR --master HOST[:PORT] --name NAME
                        run a worker without a directory of settings; the password is read from
                        SLIPWAY_WORKER_PASSWORD

options of create-worker and run:
  -k, --keepalive SECONDS        send a keepalive that often; 0 for none (default 600)
      --umask MODE               umask of the worker and its builds, such as 0o22
      --maxdelay SECONDS         longest pause between attempts to connect (default 300, at most 60 used)
      --maxretries COUNT         end after that many failed attempts in a row (default: never)
      --numcpus COUNT            number of processors to report (default: counted)
  -a, --allow-shutdown signal|file
                                 drain on SIGHUP, or when BASEDIR/shutdown.stamp is touched;
                                 over msgpack a Buildbot master cannot be asked, Slipway can
      --use-tls                  connect by TLS; the certificate must be trusted
      --connection-string TEXT   TCP:HOST:PORT or TLS:HOST:PORT[:trustRoots=DIR] in place of the master,
                                 with certificate=FILE:privateKey=FILE where one is asked for;
                                 for msgpack also ws://HOST:PORT/PATH and wss://HOST:PORT/PATH
      --proxy-connection-string TEXT
                                 tunnel through an HTTP proxy: tcp:HOST:PORT or
                                 http://[NAME:PASSWORD@]HOST:PORT; not with --connection-string
      --delete-leftover-dirs     remove directories that no builder of the master uses
      --kept-output BYTES        output of each command kept while the master is away, so that its builds
                                 go on (Slipway only; default 1073741824; 0: commands end with the connection)
      --kept-time SECONDS        how long commands go on without any connection (default 3600)
      --give-up-after SECONDS    end after so long without being taken in by a master, for machines that are
                                 made on demand (default 0: never; of run on a machine that Slipway made: 7200)
      --protocol pb|msgpack_experimental_v7
                                 what the master's port speaks (default pb)
      --path PATH                path of the WebSocket (msgpack only; default /)

options of create-worker:
  -f, --force                    make the worker in a directory that is there already
  -s, --log-size BYTES           start a new log file at that size (default 10000000)
  -l, --log-count COUNT          log files kept beside the current one, or None for all (default 10)
  -n, --no-logrotate             one log file, never started anew
  -r, --relocatable              the directory may be moved
  -q, --quiet                    say less

  -h, --help   --version

exit status: 0 done, and for a worker: told to go, drained or stopped; 1 it failed, and for a worker: out
of attempts; 64 the command line or the settings make no sense
`;
