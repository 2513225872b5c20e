export { type AuthRuntime, authSettings, currentUser, userOf } from "./current-user";
export * from "./invitation";
export { authOptions } from "./next-auth";
export { hashPassword, verifyPassword } from "./password";
export * from "./roles";
export { isSameOrigin } from "./same-origin";
export {
  type Membership,
  revokeSession,
  revokeSessionsOf,
  roleIn,
  type SignedInUser,
} from "./session";
export { createSignIn, type SignIn } from "./sign-in";
export * from "./token";
