export { type Draft, type Drafts, draftsOf, type Written, writtenOf } from "./draft";
export { fieldsOf, type OptionField } from "./fields";
export { OptionFields, type OptionsState } from "./option-fields";
