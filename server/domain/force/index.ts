export * from "./field";
export * from "./form";
export * from "./read-form";
export * from "./reason";
export * from "./validation";
