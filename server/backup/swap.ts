import { existsSync } from "node:fs";
import { rename, rm } from "node:fs/promises";

export interface Swapped {
  /** As it was before. */
  undo(): Promise<void>;
  /** What was there before goes for good. */
  settle(): Promise<void>;
}

/** Puts a file or folder in the place of another, which is kept beside it until this is settled. */
export async function swap(made: string, place: string): Promise<Swapped> {
  const old = `${place}.replaced`;
  const drop = () => rm(old, { recursive: true, force: true });
  await drop();
  if (existsSync(place)) await rename(place, old);
  await rename(made, place);
  return {
    async undo() {
      await rm(place, { recursive: true, force: true });
      if (existsSync(old)) await rename(old, place);
    },
    settle: drop,
  };
}
