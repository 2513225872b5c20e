export { cost, hours, MachineAge } from "./figures";
export { LifeLegend, type LifeStretch, LifeStrip } from "./life-strip";
export { MachineLink } from "./machine-link";
export { SettingsLink } from "./settings-link";
