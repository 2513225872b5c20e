export { type Address, addressOf, networkOf } from "./address";
export { isWithin, type Range, rangeOf } from "./range";
