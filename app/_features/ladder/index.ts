export { Ladder, type Rung } from "./ladder";
