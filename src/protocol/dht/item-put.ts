/** Putting a value where others find it (BEP 44): a lookup for tokens, then a put to the nodes closest to its target. */
import { EMPTY_BYTES } from '../../base/bytes.js';
import { LIMITS } from '../../base/limits.js';
import { RawBencode } from '../../format/bencode.js';
import { immutableTarget, isValidValue, type MutableItem, mutableTarget, SEQUENCE_MAX, verifyItem } from './item.js';
import { PUT_ERRORS, type PutError } from './item-store.js';
import type { JointGoal, KrpcWrite } from './joint-lookup.js';
import type { KrpcError, KrpcFields, KrpcResponse } from './krpc.js';
import type { LookupNode } from './lookup-candidates.js';
import type { LookupSummary, PutListener } from './operations.js';

export class ItemPut implements JointGoal {
  readonly method = 'get';
  readonly args: KrpcFields;
  readonly target: Uint8Array;
  /** Why nobody would take it; null = somebody may. */
  readonly fault: PutError | null;
  readonly #listener: PutListener;
  readonly #put: KrpcFields;
  readonly #cas: bigint | null;
  /** Who keeps a version of it already, and which. */
  readonly #holders = new Map<LookupNode, bigint>();
  #stored = 0;
  #refusal = 0;

  constructor({ target, args, put, cas, fault }: PutParts, listener: PutListener) {
    this.target = target;
    this.args = args;
    this.fault = fault;
    this.#put = put;
    this.#cas = cas;
    this.#refusal = fault ?? 0;
    this.#listener = listener;
  }

  static immutable(value: Uint8Array, listener: PutListener): ItemPut {
    const target = immutableTarget(value);
    const put = { v: new RawBencode(value.slice()) };
    return new ItemPut({ target, args: { target }, put, cas: null, fault: faultOf(value) }, listener);
  }

  static mutable(item: MutableItem, cas: bigint | null, listener: PutListener): ItemPut {
    const { publicKey, salt, sequence, signature, value } = item;
    const target = mutableTarget(publicKey, salt);
    const put = {
      k: publicKey.slice(),
      salt: salt.length === 0 ? undefined : salt.slice(),
      seq: sequence,
      sig: signature.slice(),
      v: new RawBencode(value.slice()),
    };
    // With the highest number there is nobody sends the value, which we have no use for.
    return new ItemPut(
      { target, args: { target, seq: SEQUENCE_MAX }, put, cas, fault: faultOf(value, item) },
      listener,
    );
  }

  onResponse(response: KrpcResponse, node: LookupNode): void {
    const sequence = response.values.get('seq');
    if (typeof sequence === 'number' || typeof sequence === 'bigint') this.#holders.set(node, BigInt(sequence));
  }

  writeTo(node: LookupNode): KrpcWrite {
    const held = this.#holders.get(node);
    // Who has nothing, or missed a version, has nothing that could be overwritten by mistake, and would refuse.
    const isCompared = this.#cas !== null && held !== undefined && held >= this.#cas;
    return { method: 'put', args: { ...this.#put, cas: isCompared ? this.#cas : undefined } };
  }

  onWritten(refusal: KrpcError | null): void {
    if (refusal === null) this.#stored++;
    else this.#refusal = refusal.code;
  }

  onEnd(summary: LookupSummary): void {
    this.#listener.onDone({ ...summary, stored: this.#stored, refusal: this.#refusal });
  }
}

interface PutParts {
  readonly target: Uint8Array;
  readonly args: KrpcFields;
  readonly put: KrpcFields;
  readonly cas: bigint | null;
  readonly fault: PutError | null;
}

function faultOf(value: Uint8Array, item: MutableItem | null = null): PutError | null {
  if (value.length > LIMITS.dhtValueBytesMax) return PUT_ERRORS.valueTooLong;
  if (!isValidValue(value)) return PUT_ERRORS.malformed;
  if ((item?.salt ?? EMPTY_BYTES).length > LIMITS.dhtSaltBytesMax) return PUT_ERRORS.saltTooLong;
  return item !== null && !verifyItem(item) ? PUT_ERRORS.badSignature : null;
}
