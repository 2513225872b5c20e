/**
 * A latent worker's machine in line at its provider. What waits ends its look: its row says why, its
 * worker is held by nobody meanwhile, so that whoever stops or cancels it does not wait, too.
 */
import { DriverError } from "../../drivers/contract";
import type { LatentContext, LatentFleet } from "./context";
import type { Latent, Machine } from "./load";
import type { Moves } from "./moves";
import { accountFor, FREE, type Lane, type Turn } from "./turns";

/** There is nothing more to be done in this look. */
export class InLine extends Error {
  override readonly name = "InLine";
}

export class TurnsOf {
  constructor(
    private readonly context: LatentContext,
    private readonly fleet: LatentFleet,
    private readonly latent: Latent,
    private readonly moves: Moves,
  ) {}

  /**
   * @param isUnasked nobody asked the provider for it before
   * @throws InLine when it has to wait, and that is written
   */
  async take(
    lane: Lane,
    machine: Machine,
    { isUnasked = false, said = "" }: { isUnasked?: boolean; said?: string } = {},
  ): Promise<Turn> {
    const { context, fleet, latent } = this;
    const { orgId, workerId } = latent;
    const account = accountFor(context.kinds, { orgId, ...machine });
    // Without a driver nobody is called, and whoever opens it says so.
    if (account === null) return FREE;
    const wake = () => fleet.see(workerId);
    const turn = fleet.turns.take(account, lane, { orgId, id: `worker ${workerId}`, wake });
    if ("end" in turn) return turn;
    // One that is not looked at stays as it was.
    if (lane !== "inspect") {
      const doing = lane === "stop" ? "it is to be stopped" : "it waits for its turn";
      const reason = `${doing}: ${said}${turn.why}`;
      if (lane === "start" && reason !== machine.reason) context.note(workerId, "h", reason);
      await this.moves.standsInLine(machine, reason, isUnasked);
    }
    throw new InLine(turn.why);
  }

  /** @returns whether the provider wants to be left alone, and for less than it may take */
  pause(lane: Lane, machine: Machine, error: unknown, atMost: number | null = null): boolean {
    if (!(error instanceof DriverError) || error.retryAfterSeconds === null) return false;
    const { context, fleet, latent } = this;
    const account = accountFor(context.kinds, { orgId: latent.orgId, ...machine });
    if (account === null) return false;
    const until = fleet.turns.pause(account, lane, error.retryAfterSeconds);
    return atMost === null || until < atMost;
  }
}
