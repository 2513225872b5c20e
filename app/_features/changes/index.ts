export { ChangeSource, ChangeText } from "./change";
