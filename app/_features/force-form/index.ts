export { FormField, type FormState } from "./field-group";
export { forgetValues, rememberedValues, rememberValues } from "./remembered";
export { changed, firstValues, isShown, sentValues, type Value, type Values } from "./values";
