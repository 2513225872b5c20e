export { BuildsTable, Source } from "./builds-table";
