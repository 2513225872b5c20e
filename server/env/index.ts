export { childEnv, hostEnv } from "./child-env";
export { projectRoot } from "./project-root";
export type { Env, ProcessEnv } from "./read-env";
export { EnvError, isLoopback, readEnv, readProcessEnv } from "./read-env";
export { hostEnvironment, type RemoteEnv, readRemoteEnv } from "./remote-env";
export { ensureSecretKey, SECRET_KEY_FILE } from "./secret-key";
