/** SetPropertiesFromEnv: variables of the worker's own environment become properties. */
import type { z } from "zod";
import { SUCCESS } from "../../domain/builds";
import type { StepKind } from "../contract";
import { texts } from "../options";
import { setPropertiesFromEnvSchema } from "./schema";

export const setPropertiesFromEnv: StepKind<z.output<typeof setPropertiesFromEnvSchema>> = {
  type: "SetPropertiesFromEnv",
  name: "SetPropertiesFromEnv",
  schema: setPropertiesFromEnvSchema,
  make(options, shown) {
    const { running, done } = texts(shown, "setting properties", "properties set");
    return {
      doStepIf: options.doStepIf,
      description: running,
      async run(context) {
        const { environ, system } = context.worker;
        // Windows knows no case in these names; the property is called as the recipe calls it.
        const spelled = (name: string) => (system === "nt" ? name.toUpperCase() : name);
        const values = new Map(
          Object.entries(environ).map(([key, value]) => [spelled(key), value]),
        );
        for (const name of [options.variables].flat()) {
          const value = values.get(spelled(name));
          if (value === undefined) {
            context.header(`${name}: the worker has no such variable\n`);
            continue;
          }
          context.setProperty(name, value, options.source);
          context.header(`${name}: ${value}\n`);
        }
        return { result: SUCCESS, summary: done };
      },
    };
  },
};
