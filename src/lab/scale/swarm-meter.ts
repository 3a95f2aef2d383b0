/**
 * What is counted of a swarm while it runs, from outside of the engines: bytes that left each machine, pieces that
 * became verified copies, who has finished. Sampled at even distances of virtual time for the report's curves.
 * Costs O(1) per segment and per event, O(pieces) per sample. Used by ScaleSwarm.
 */
import type { SimMachine } from '../../sim/machine.js';
import { SILENT_OBSERVER, type SimObserver } from '../../sim/observer.js';

/** The swarm at one moment. */
export interface SwarmSample {
  readonly atMs: number;
  /** Share of the peers that have everything. */
  readonly doneShare: number;
  /** Copies of a piece among all who have it, the seed too: of the rarest, and on average. */
  readonly copiesMin: number;
  readonly copiesMean: number;
  /** Share of all uplinks, of those that give, that was used since the sample before. */
  readonly supplyShare: number;
}

export class SwarmMeter {
  readonly samples: SwarmSample[] = [];
  /** By machine number. */
  readonly sentBytes: Float64Array;
  /** When each peer had everything, in virtual ms since the first began; NaN = it has not. */
  readonly doneAtMs: Float64Array;
  doneCount = 0;
  readonly observer: SimObserver;
  readonly #copies: Uint32Array;
  #totalSentBytes = 0;
  #sampledSentBytes = 0;
  #sampledAtMs = 0;

  constructor(options: { readonly machines: number; readonly peers: number; readonly pieces: number }) {
    this.sentBytes = new Float64Array(options.machines);
    this.doneAtMs = new Float64Array(options.peers).fill(Number.NaN);
    this.#copies = new Uint32Array(options.pieces).fill(1);
    this.observer = {
      ...SILENT_OBSERVER,
      onSent: (machine, _stream, bytes) => this.#onSent(machine, bytes),
    };
  }

  get totalSentBytes(): number {
    return this.#totalSentBytes;
  }

  onPieceVerified(piece: number): void {
    this.#copies[piece]!++;
  }

  onDone(peer: number, atMs: number): void {
    if (!Number.isNaN(this.doneAtMs[peer]!)) return;
    this.doneAtMs[peer] = atMs;
    this.doneCount++;
  }

  /** A peer took its copy with it. */
  onLeft(): void {
    for (let piece = 0; piece < this.#copies.length; piece++) this.#copies[piece]!--;
  }

  /** `supplyBytesPerMs`: of all uplinks that give. */
  sample(atMs: number, supplyBytesPerMs: number): void {
    let copiesMin = Number.POSITIVE_INFINITY;
    let sum = 0;
    for (const copies of this.#copies) {
      copiesMin = Math.min(copiesMin, copies);
      sum += copies;
    }
    const possibleBytes = (atMs - this.#sampledAtMs) * supplyBytesPerMs;
    this.samples.push({
      atMs,
      doneShare: this.doneCount / this.doneAtMs.length,
      copiesMin,
      copiesMean: sum / this.#copies.length,
      supplyShare: possibleBytes > 0 ? (this.#totalSentBytes - this.#sampledSentBytes) / possibleBytes : 0,
    });
    this.#sampledAtMs = atMs;
    this.#sampledSentBytes = this.#totalSentBytes;
  }

  #onSent(machine: SimMachine, bytes: Uint8Array): void {
    this.sentBytes[machine.number]! += bytes.length;
    this.#totalSentBytes += bytes.length;
  }
}
