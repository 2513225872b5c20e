/** What a secret may be called, and how long its value may be: the same rule for every door. */

/** Letters, digits and `_ . / | -`; a path-like name groups: `project/pyflakes/git/auth`. */
export const SECRET_NAME = /^[A-Za-z0-9_./|-]{1,200}$/;

export const MAX_SECRET_BYTES = 65_536;

/** Values shorter than this are not hidden in logs: they would hide half of every log. */
export const MIN_HIDDEN_BYTES = 6;

export const isSecretName = (text: string): boolean => SECRET_NAME.test(text);
