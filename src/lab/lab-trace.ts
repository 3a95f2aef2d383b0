/**
 * What happened in a simulated world, as a hash that two runs of one seed share, and as the last few hundred lines in
 * words. Every turn of every host and every byte that they exchange goes in: virtual time, machine, port, amount, and a
 * checksum of the bytes' ends. Numbers in typed arrays; words are made when somebody reads them.
 * Kept by LabWatch.
 */
import { SIM_PORTS, type SimPort } from '../sim/observer.js';

/** What a line is about: a turn through a port, or something that a host did to the world. */
export type TraceKind = SimPort | 'sent' | 'received' | 'opened' | 'closed' | 'datagram sent' | 'crashed';
const TRACE_KINDS: readonly TraceKind[] = [
  ...SIM_PORTS,
  'sent',
  'received',
  'opened',
  'closed',
  'datagram sent',
  'crashed',
];

const LINES_KEPT = 400;
const HEAD_BYTES = 48;
const TAIL_BYTES = 16;
const KIND_NUMBERS: ReadonlyMap<TraceKind, number> = new Map(TRACE_KINDS.map((kind, number) => [kind, number]));

export class LabTrace {
  readonly #times = new Float64Array(LINES_KEPT);
  readonly #machines = new Uint32Array(LINES_KEPT);
  readonly #kinds = new Uint8Array(LINES_KEPT);
  readonly #amounts = new Float64Array(LINES_KEPT);
  readonly #checksums = new Uint32Array(LINES_KEPT);
  /** The two halves of a number, for mixing. */
  readonly #number = new Float64Array(1);
  readonly #halves = new Uint32Array(this.#number.buffer);
  #count = 0;
  #a = 0x6a09e667;
  #b = 0xbb67ae85;

  /** Lines so far, also those that are not kept. */
  get count(): number {
    return this.#count;
  }

  /** 16 hex digits over everything noted so far. */
  get hash(): string {
    return hex(this.#a) + hex(this.#b);
  }

  /** `bytes` null = there are none to look at; `amount` says how many there were. */
  note(timeMs: number, machine: number, kind: TraceKind, amount: number, bytes: Uint8Array | null): void {
    const checksum = bytes === null ? 0 : checksumOf(bytes);
    const kindNumber = KIND_NUMBERS.get(kind)!;
    const line = this.#count % LINES_KEPT;
    this.#times[line] = timeMs;
    this.#machines[line] = machine;
    this.#kinds[line] = kindNumber;
    this.#amounts[line] = amount;
    this.#checksums[line] = checksum;
    this.#count++;
    this.#number[0] = timeMs;
    this.#mix(this.#halves[0]!);
    this.#mix(this.#halves[1]!);
    this.#mix((machine << 8) | kindNumber);
    this.#mix(amount);
    this.#mix(checksum);
  }

  /** The last lines in words, oldest first. */
  lines(options: { readonly count: number; readonly nameOf: (machine: number) => string }): string[] {
    const kept = Math.min(options.count, this.#count, LINES_KEPT);
    const lines: string[] = [];
    for (let i = this.#count - kept; i < this.#count; i++) {
      const line = i % LINES_KEPT;
      const kind = TRACE_KINDS[this.#kinds[line]!]!;
      const bytes = this.#amounts[line]! > 0 ? ` ${this.#amounts[line]} bytes` : '';
      const checksum = this.#checksums[line]! === 0 ? '' : ` (${hex(this.#checksums[line]!)})`;
      const name = options.nameOf(this.#machines[line]!);
      lines.push(`${this.#times[line]!.toFixed(3).padStart(14)} ms  ${name}  ${kind}${bytes}${checksum}`);
    }
    return lines;
  }

  #mix(value: number): void {
    this.#a = Math.imul(this.#a ^ value, 0x85ebca6b);
    this.#a = (this.#a << 13) | (this.#a >>> 19);
    this.#b = Math.imul(this.#b ^ this.#a, 0xc2b2ae35);
    this.#b = ((this.#b << 17) | (this.#b >>> 15)) + 0x27d4eb2f;
  }
}

/** Of the ends: messages differ at their start, and a segment that is cut elsewhere ends otherwise. */
function checksumOf(bytes: Uint8Array): number {
  let sum = 0x811c9dc5;
  const head = Math.min(HEAD_BYTES, bytes.length);
  for (let i = 0; i < head; i++) sum = Math.imul(sum ^ bytes[i]!, 0x01000193);
  for (let i = Math.max(head, bytes.length - TAIL_BYTES); i < bytes.length; i++) {
    sum = Math.imul(sum ^ bytes[i]!, 0x01000193);
  }
  return sum >>> 0;
}

function hex(value: number): string {
  return (value >>> 0).toString(16).padStart(8, '0');
}
