export { compileGlob, isGlob } from "./glob";
export { compilePattern, type Pattern, patternProblem } from "./pattern";
