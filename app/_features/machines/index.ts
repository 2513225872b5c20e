export { cost, hours, MachineAge } from "./figures";
export { LifeLegend, LifeStrip } from "./life-strip";
