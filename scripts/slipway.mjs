#!/usr/bin/env node
// The `slipway` command in a checkout: builds the program when it is missing, then becomes it.
import { launch } from "./launch.mjs";

await launch("cli");
