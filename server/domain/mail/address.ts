/**
 * E-mail addresses as a configuration names them. Narrower than the standard: no quoted names, no
 * comments, nothing invisible, so that an address can never be more than one line of a header.
 */

const LOCAL = /^[\w!#$%&'*+/=?^`{|}~-]+(\.[\w!#$%&'*+/=?^`{|}~-]+)*$/;
const DOMAIN =
  /^(?=.{1,253}$)[\p{L}\p{N}]([\p{L}\p{N}-]*[\p{L}\p{N}])?(\.[\p{L}\p{N}]([\p{L}\p{N}-]*[\p{L}\p{N}])?)*$/u;

/** Why this is no address; null: it is one. */
export function addressProblem(text: string): string | null {
  const at = text.lastIndexOf("@");
  const isGood =
    text.length <= 254 &&
    at > 0 &&
    at <= 64 &&
    LOCAL.test(text.slice(0, at)) &&
    DOMAIN.test(text.slice(at + 1));
  return isGood ? null : "is not an e-mail address: write name@example.org";
}

/** A sender may carry a name: `Builds <builds@example.org>`. */
export function senderProblem(text: string): string | null {
  const named = /^([^<>",;:@\\\p{C}]{1,100}) <([^<>]*)>$/u.exec(text);
  return addressProblem(named?.[2] ?? text);
}
