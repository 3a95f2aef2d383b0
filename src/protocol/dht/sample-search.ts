/** Asking nodes for a sample of the info-hashes that they keep peers of (BEP 51), around one target. */
import type { JointGoal } from './joint-lookup.js';
import type { KrpcFields, KrpcResponse } from './krpc.js';
import type { LookupNode } from './lookup-candidates.js';
import { NODE_ID_BYTES } from './node-id.js';
import type { LookupSummary, SampleListener } from './operations.js';

export class SampleSearch implements JointGoal {
  readonly method = 'sample_infohashes';
  readonly args: KrpcFields;
  readonly #listener: SampleListener;

  constructor(target: Uint8Array, listener: SampleListener) {
    this.args = { target };
    this.#listener = listener;
  }

  onResponse(response: KrpcResponse, node: LookupNode): void {
    const samples = samplesIn(response);
    if (samples !== null) this.#listener.onSamples(samples.hashes, node.address, samples.total);
  }

  onEnd(summary: LookupSummary): void {
    this.#listener.onDone(summary);
  }
}

export interface Samples {
  readonly hashes: readonly Uint8Array[];
  /** How many the node keeps. */
  readonly total: number;
}

/** @returns null for a node that does not tell. */
export function samplesIn({ values }: KrpcResponse): Samples | null {
  const samples = values.getBytes('samples');
  if (samples === null) return null;
  const hashes: Uint8Array[] = [];
  for (let end = NODE_ID_BYTES; end <= samples.length; end += NODE_ID_BYTES) {
    hashes.push(samples.slice(end - NODE_ID_BYTES, end));
  }
  return { hashes, total: Math.max(hashes.length, values.getInteger('num') ?? 0) };
}
