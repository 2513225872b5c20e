/**
 * Options that a latent worker has whatever its driver is: a machine is the same machine when they
 * change. All others are its driver's.
 */
export const COMMON_OPTIONS = [
  ...["name", "type", "password", "properties", "defaultProperties", "machine_name", "locks"],
  ...["notify_on_missing", "missing_timeout", "keepalive_interval", "max_builds"],
  ...["allowed_addresses", "build_wait_timeout", "check_instance_interval"],
  ...["max_preparation_failures", "followStartupLogs", "max_lifetime", "max_lifetime_grace"],
  "price_per_hour",
] as const;

/** SQL over a document of options: the same as long as those of the driver are written the same. */
export const writtenHashSql = (config: string): string =>
  `md5((${config} - array[${COMMON_OPTIONS.map((name) => `'${name}'`).join(", ")}])::text)`;

/** SQL over the same: what they come to may depend on the build. */
export const isTemplatedSql = (config: string): string =>
  `(${config} - array[${COMMON_OPTIONS.map((name) => `'${name}'`).join(", ")}])::text ~ '%[(]|"type": "(Property|Interpolate|FlattenList|URLForBuild)"'`;
