export { LogViewer, type LogViewerProps } from "./log-viewer";
export {
  createLogSource,
  type Line,
  type LogSource,
  type Stream,
  type UpdatableSource,
} from "./source";
