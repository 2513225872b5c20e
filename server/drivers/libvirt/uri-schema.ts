/**
 * What of a hypervisor's URI is handed to virsh. Its library runs programs, reads files and writes files
 * that a URI names, as the server, and takes names of parameters also with their letters in `%` form: so
 * what is not known to do none of that is refused.
 */

/** How the library reaches another host by itself. */
const TRANSPORTS = ["ssh", "libssh", "libssh2", "tls", "tcp", "unix"];

/** Of its parameters, those that name no program, no file whose content is shown, and none that is written. */
const PARAMETERS = [
  ...["auto_answer", "keyfile", "mode", "netcat", "no_sanity", "no_tty", "no_verify", "pkipath"],
  ...["proxy", "socket", "sshauth", "tls_priority", "transport", "vcenter"],
];

const FORM =
  /^([a-z0-9.-]+)(?:\+([a-z0-9.+-]+))?:\/\/([\w.~@:[\]-]*)((?:\/[^?#]*)?)(?:\?([^#]*))?$/i;

/** @returns why it is none that may be used, for a person */
export function uriProblem(text: string): string | null {
  const found = /[\p{C}\s]/u.test(text) ? null : FORM.exec(text);
  if (!found) return "is not a hypervisor's URI, such as qemu:///system";
  const [, driver = "", transport, host = "", path = "", query = ""] = found;
  if (transport !== undefined && !TRANSPORTS.includes(transport.toLowerCase())) {
    return transport.toLowerCase() === "ext"
      ? "must not name a program to connect with: it would run as the server"
      : `has an unknown transport +${transport}: there is ${TRANSPORTS.join(", ")}`;
  }
  // The library's own pretended hypervisor reads any other path as a file, and tells what is in it.
  if (driver.toLowerCase() === "test" && !(host === "" && path === "/default")) {
    return "must be test:///default, if it is of that driver";
  }
  for (const parameter of query.split(/[&;]/)) {
    const [name = ""] = parameter.split("=", 1);
    if (name === "" || PARAMETERS.includes(name)) continue;
    if (/^command$/i.test(name)) {
      return "must not name a program to connect with: it would run as the server";
    }
    return `must not have the parameter ${JSON.stringify(name.slice(0, 40))}: there is ${PARAMETERS.join(", ")}`;
  }
  return null;
}
