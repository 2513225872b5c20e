/** SetProperty and SetProperties: values of the recipe become properties of the build. */
import type { z } from "zod";
import { SUCCESS } from "../../domain/builds";
import { asText, type JsonValue } from "../../domain/properties";
import type { StepKind } from "../contract";
import { texts } from "../options";
import { setPropertiesSchema, setPropertySchema } from "./schema";

export const setProperty: StepKind<z.output<typeof setPropertySchema>> = {
  type: "SetProperty",
  name: "SetProperty",
  schema: setPropertySchema,
  make(options, shown) {
    const { running, done } = texts(shown, "setting property", "set property");
    return {
      doStepIf: options.doStepIf,
      description: running,
      async run(context) {
        const source = options.name ?? "SetProperty";
        context.setProperty(options.property, options.value as JsonValue, source);
        context.header(`${options.property}: ${asText(shown.value as JsonValue)}\n`);
        return { result: SUCCESS, summary: done };
      },
    };
  },
};

export const setProperties: StepKind<z.output<typeof setPropertiesSchema>> = {
  type: "SetProperties",
  name: "SetProperties",
  schema: setPropertiesSchema,
  make(options, shown) {
    const { running, done } = texts(shown, "setting properties", "properties set");
    return {
      doStepIf: options.doStepIf,
      description: running,
      async run(context) {
        const source = options.name ?? "SetProperties";
        for (const [name, value] of Object.entries(options.properties)) {
          context.setProperty(name, value as JsonValue, source);
          context.header(`${name}: ${asText((shown.properties[name] ?? value) as JsonValue)}\n`);
        }
        return { result: SUCCESS, summary: done };
      },
    };
  },
};
