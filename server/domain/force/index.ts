export * from "./field";
export * from "./form";
export * from "./form-invalid";
export * from "./read-form";
export * from "./reason";
export * from "./validation";
