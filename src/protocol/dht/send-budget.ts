/**
 * The bytes a second that serving others may cost. What we ask for ourselves is paid from it too but never refused: a
 * flood of queries must not keep us from what we were started for.
 */
export class SendBudget {
  readonly #bytesPerSecond: number;
  #bytes: number;
  #filledAtMs = 0;

  constructor(bytesPerSecond: number) {
    this.#bytesPerSecond = bytesPerSecond;
    this.#bytes = BURST_S * bytesPerSecond;
  }

  /** Whether there is something left for others. */
  hasRoom(now: number): boolean {
    this.#fill(now);
    return this.#bytes > 0;
  }

  spend(bytes: number, now: number): void {
    this.#fill(now);
    // Debt is bounded: a busy minute of our own is not paid for with hours of silence.
    this.#bytes = Math.max(-BURST_S * this.#bytesPerSecond, this.#bytes - bytes);
  }

  #fill(now: number): void {
    const gained = ((now - this.#filledAtMs) / 1000) * this.#bytesPerSecond;
    this.#bytes = Math.min(BURST_S * this.#bytesPerSecond, this.#bytes + gained);
    this.#filledAtMs = now;
  }
}

const BURST_S = 3;
