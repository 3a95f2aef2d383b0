/**
 * Getting what is kept in the DHT (BEP 44). Nothing is believed: an immutable value has to have the hash it is asked for by,
 * a mutable one the key and a signature by it. Of mutable ones the newest counts, so those are collected to the end.
 */
import { bytesEqual } from '../../base/bytes.js';
import { immutableTarget, isSequence, isValidValue, type MutableItem, mutableTarget, verifyItem } from './item.js';
import type { JointGoal } from './joint-lookup.js';
import type { KrpcFields, KrpcResponse } from './krpc.js';
import type { ItemListener, LookupSummary, MutableListener } from './operations.js';

export class ImmutableSearch implements JointGoal {
  readonly method = 'get';
  readonly args: KrpcFields;
  readonly #target: Uint8Array;
  readonly #listener: ItemListener;
  #value: Uint8Array | null;
  #copies = 0;

  /** `own`: what we keep ourselves. */
  constructor(target: Uint8Array, own: Uint8Array | null, listener: ItemListener) {
    this.#target = target;
    this.args = { target };
    this.#value = own;
    this.#listener = listener;
  }

  /** There is but one value with this hash. */
  get isSatisfied(): boolean {
    return this.#value !== null;
  }

  onResponse(response: KrpcResponse): void {
    const value = rawValueOf(response);
    if (value === null || !bytesEqual(immutableTarget(value), this.#target)) return;
    this.#copies++;
    this.#value ??= value.slice();
  }

  onEnd(summary: LookupSummary): void {
    this.#listener.onDone(this.#value, { ...summary, copies: this.#copies });
  }
}

export class MutableSearch implements JointGoal {
  readonly method = 'get';
  readonly args: KrpcFields;
  readonly #key: MutableKey;
  readonly #listener: MutableListener;
  #best: MutableItem | null;
  #copies = 0;

  /** `own`: what we keep ourselves. */
  constructor(key: MutableKey, own: MutableItem | null, listener: MutableListener) {
    this.#key = key;
    this.args = { target: mutableTarget(key.publicKey, key.salt) };
    this.#best = own;
    this.#listener = listener;
  }

  onResponse(response: KrpcResponse): void {
    const item = this.#itemIn(response);
    if (item === null) return;
    const best = this.#best;
    if (best !== null && item.sequence < best.sequence) return;
    if (best !== null && item.sequence === best.sequence) {
      // Not verified again: the same bytes are as good as before, and others of the same number are nobody's to choose.
      if (bytesEqual(item.value, best.value)) this.#copies++;
      return;
    }
    if (!verifyItem(item)) return;
    this.#best = {
      ...this.#key,
      sequence: item.sequence,
      value: item.value.slice(),
      signature: item.signature.slice(),
    };
    this.#copies = 1;
    this.#listener.onVersion?.(this.#best);
  }

  onEnd(summary: LookupSummary): void {
    this.#listener.onDone(this.#best, { ...summary, copies: this.#copies });
  }

  #itemIn(response: KrpcResponse): MutableItem | null {
    const value = rawValueOf(response);
    const signature = response.values.getBytes('sig');
    const publicKey = response.values.getBytes('k');
    const sequence = response.values.get('seq');
    if (value === null || signature === null || publicKey === null) return null;
    if (typeof sequence !== 'number' && typeof sequence !== 'bigint') return null;
    if (!isSequence(BigInt(sequence)) || !bytesEqual(publicKey, this.#key.publicKey)) return null;
    return { ...this.#key, sequence: BigInt(sequence), signature, value };
  }
}

export interface MutableKey {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** At most 64 bytes. */
  readonly salt: Uint8Array;
}

/** The bytes as they were sent: hash and signature cover them. null = there is none, or it is too long or malformed. */
function rawValueOf({ values, packet }: KrpcResponse): Uint8Array | null {
  const span = values.span('v');
  if (span === null) return null;
  const value = packet.subarray(span.start, span.end);
  return isValidValue(value) ? value : null;
}
