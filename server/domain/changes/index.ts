export { type Change, type NewChange, newChange, type StoredChange } from "./change";
