/**
 * What a node answers (BEP 5, 32, 33, 44, 51). Nodes always, whatever was asked; what is kept only to whom asked for it by
 * a token of ours. No answer is longer than a few times its query until the sender has shown that it is where it says it
 * is: else we would be an amplifier for whoever forges addresses.
 */
import { type Address, toCompact } from '../../base/address.js';
import { EMPTY_BYTES } from '../../base/bytes.js';
import { ED25519_PUBLIC_KEY_BYTES } from '../../base/crypto.js';
import { LIMITS } from '../../base/limits.js';
import { type BencodeDict, type BencodeInput, RawBencode } from '../../format/bencode.js';
import { BloomFilter } from './bloom-filter.js';
import type { DhtContext } from './dht-context.js';
import { immutableTarget, mutableTarget } from './item.js';
import { PUT_ERRORS, type PutError } from './item-store.js';
import {
  encodeKrpcError,
  encodeKrpcResponse,
  KRPC_METHOD_UNKNOWN,
  KRPC_PROTOCOL_ERROR,
  KRPC_SERVER_ERROR,
  type KrpcQuery,
} from './krpc.js';
import { NODE_ID_BYTES } from './node-id.js';
import type { RoutingTable } from './routing-table.js';
import { TOKEN_BYTES, Tokens } from './tokens.js';

/** Who asks. */
export interface Asker {
  readonly address: Address;
  /** The same, compact. */
  readonly endpoint: Uint8Array;
  /** It has answered us from there. */
  readonly isProven: boolean;
}

export interface ResponderOptions {
  readonly context: DhtContext;
  readonly family: 4 | 6;
  /** Ours. */
  id(): Uint8Array;
  /** Ours; of the other family that of another node, null when there is none. */
  table(family: 4 | 6): RoutingTable | null;
}

export class Responder {
  readonly #options: ResponderOptions;
  /** Those of this node alone: a token is good for the socket that gave it. */
  readonly #tokens: Tokens;

  constructor(options: ResponderOptions) {
    this.#options = options;
    this.#tokens = new Tokens(options.context.random);
  }

  /** @returns the packet that answers `query`. */
  answer(query: KrpcQuery, asker: Asker, now: number): Uint8Array {
    const reply = new Reply(query, asker);
    if (query.args === null || query.id === null) return reply.error(MALFORMED);
    const values = this.#valuesFor(query, query.args, reply, now);
    if (values instanceof Refusal) return reply.error(values);
    return encodeKrpcResponse(query.transactionId, { id: this.#options.id(), ...values }, asker.endpoint);
  }

  #valuesFor(query: KrpcQuery, args: Args, reply: Reply, now: number): Values | Refusal {
    switch (query.method) {
      case 'ping':
        return {};
      case 'find_node':
        return this.#findNode(args, reply, now);
      case 'get_peers':
        return this.#getPeers(args, reply, now);
      case 'announce_peer':
        return this.#announcePeer(args, reply, now);
      case 'get':
        return this.#get(args, reply, now);
      case 'put':
        return this.#put(args, reply, now);
      case 'sample_infohashes':
        return this.#sampleInfohashes(args, reply, now);
      case '':
        return MALFORMED;
      default:
        return this.#unknown(args, reply, now);
    }
  }

  #findNode(args: Args, reply: Reply, now: number): Values | Refusal {
    const target = targetOf(args, 'target');
    return target === null ? MALFORMED : this.#nodes(target, args, reply, now);
  }

  /** Of a later specification: who looks for something may go on (as libtorrent has it). */
  #unknown(args: Args, reply: Reply, now: number): Values | Refusal {
    const target = targetOf(args, 'target') ?? targetOf(args, 'info_hash');
    if (target === null) return METHOD_UNKNOWN;
    return this.#nodes(target, args, reply, now);
  }

  #getPeers(args: Args, reply: Reply, now: number): Values | Refusal {
    const infoHash = targetOf(args, 'info_hash');
    if (infoHash === null) return MALFORMED;
    const { peers, random } = this.#options.context;
    const values: Values = this.#nodes(infoHash, args, reply, now);
    if (!peers.isFull(infoHash)) values['token'] = this.#token(infoHash, reply, now);
    const { family } = this.#options;
    if (args.getInteger('scrape') === 1 && reply.room >= 2 * FILTER_FIELD_BYTES) {
      const filters = peers.scrape(infoHash, family, now);
      if (filters !== null) {
        values['BFsd'] = filters.seeds;
        values['BFpe'] = filters.peers;
        reply.take(2 * FILTER_FIELD_BYTES);
      }
    }
    const max = Math.min(VALUES_MAX, Math.floor((reply.room - VALUES_FIELD_BYTES) / (family === 4 ? 8 : 21)));
    if (max <= 0) return values;
    const noSeeds = args.getInteger('noseed') === 1;
    const found = peers.peersOf(infoHash, { family, max, noSeeds, random }, now);
    if (found.length > 0) values['values'] = found.map(toCompact);
    return values;
  }

  #announcePeer(args: Args, reply: Reply, now: number): Values | Refusal {
    const infoHash = targetOf(args, 'info_hash');
    if (infoHash === null) return MALFORMED;
    if (!this.#hasToken(args, infoHash, reply, now)) return BAD_TOKEN;
    const { host, family, port: senderPort } = reply.asker.address;
    const port = (args.getInteger('implied_port') ?? 0) !== 0 ? senderPort : (args.getInteger('port') ?? 0);
    // Port 1 is what an old implementation sends that does not know its own.
    if (port < 2 || port > 65_535) return BAD_PORT;
    const isSeed = args.getInteger('seed') === 1;
    const isKept = this.#options.context.peers.add(infoHash, { host, family, port }, { isSeed }, now);
    return isKept ? {} : NO_ROOM;
  }

  #get(args: Args, reply: Reply, now: number): Values | Refusal {
    const target = targetOf(args, 'target');
    if (target === null) return MALFORMED;
    const values: Values = this.#nodes(target, args, reply, now);
    values['token'] = this.#token(target, reply, now);
    const item = this.#options.context.items.get(target, now);
    if (item === null) return values;
    const { mutable } = item;
    if (mutable !== null) {
      values['seq'] = mutable.sequence;
      reply.take(SEQUENCE_FIELD_BYTES);
      const known = integerOf(args, 'seq');
      if (known !== null && mutable.sequence <= known) return values;
    }
    if (reply.room < item.value.length + (mutable === null ? VALUE_FIELD_BYTES : MUTABLE_FIELDS_BYTES)) return values;
    values['v'] = new RawBencode(item.value);
    if (mutable !== null) {
      values['k'] = mutable.publicKey;
      values['sig'] = mutable.signature;
    }
    return values;
  }

  /** The order of the checks is libtorrent's: those that cost least, and what a person can repair, first. */
  #put(args: Args, reply: Reply, now: number): Values | Refusal {
    const span = args.span('v');
    if (span === null) return MALFORMED;
    // As it was sent: a signature covers the bytes.
    const value = reply.query.packet.subarray(span.start, span.end);
    const salt = args.getBytes('salt') ?? EMPTY_BYTES;
    if (value.length > LIMITS.dhtValueBytesMax) return refusalOf(PUT_ERRORS.valueTooLong);
    if (salt.length > LIMITS.dhtSaltBytesMax) return refusalOf(PUT_ERRORS.saltTooLong);
    const ip = reply.ip;
    const { items } = this.#options.context;
    const publicKey = args.getBytes('k');
    if (publicKey === null) {
      if (!this.#hasToken(args, immutableTarget(value), reply, now)) return BAD_TOKEN;
      return refusalOf(items.putImmutable(value, ip, now));
    }
    const signature = args.getBytes('sig');
    const sequence = integerOf(args, 'seq');
    if (publicKey.length !== ED25519_PUBLIC_KEY_BYTES || signature === null || sequence === null) return MALFORMED;
    if (!this.#hasToken(args, mutableTarget(publicKey, salt), reply, now)) return BAD_TOKEN;
    const cas = integerOf(args, 'cas');
    if (cas === null && args.has('cas')) return MALFORMED;
    return refusalOf(items.putMutable({ publicKey, salt, sequence, signature, value }, { cas, from: ip }, now));
  }

  #sampleInfohashes(args: Args, reply: Reply, now: number): Values | Refusal {
    const target = targetOf(args, 'target');
    if (target === null) return MALFORMED;
    const values: Values = this.#nodes(target, args, reply, now);
    const { peers, random } = this.#options.context;
    const max = Math.max(0, Math.floor((reply.room - SAMPLE_FIELDS_BYTES) / NODE_ID_BYTES));
    const sample = peers.sample(max, random, now);
    values['interval'] = SAMPLE_INTERVAL_S;
    values['num'] = sample.count;
    values['samples'] = sample.hashes;
    return values;
  }

  /** BEP 32: nodes of the families that are wanted; of that of the query where it does not say. */
  #nodes(target: Uint8Array, args: Args, reply: Reply, now: number): Values {
    const { family, table } = this.#options;
    const values: Values = {};
    const wanted = wantedFamilies(args);
    for (const each of [family, otherOf(family)]) {
      if (wanted === null ? each !== family : !wanted.includes(each)) continue;
      const nodes = table(each)?.closestCompact(target, now);
      if (nodes === undefined || nodes.length + NODES_FIELD_BYTES > reply.room) continue;
      values[each === 4 ? 'nodes' : 'nodes6'] = nodes;
      reply.take(nodes.length + NODES_FIELD_BYTES);
    }
    return values;
  }

  #token(target: Uint8Array, reply: Reply, now: number): Uint8Array {
    reply.take(TOKEN_BYTES + TOKEN_FIELD_BYTES);
    return this.#tokens.make(reply.ip, target, now);
  }

  #hasToken(args: Args, target: Uint8Array, reply: Reply, now: number): boolean {
    const token = args.getBytes('token');
    return token !== null && this.#tokens.isValid(token, reply.ip, target, now);
  }
}

type Args = BencodeDict;
type Values = Record<string, BencodeInput>;

/** An error, in place of values. */
class Refusal {
  readonly code: number;
  readonly text: string;

  constructor(code: number, text: string) {
    this.code = code;
    this.text = text;
  }
}

/** How much an answer may still hold. Sizes are upper bounds, counted before anything is encoded. */
class Reply {
  readonly query: KrpcQuery;
  readonly asker: Asker;
  /** Bytes. */
  room: number;

  constructor(query: KrpcQuery, asker: Asker) {
    this.query = query;
    this.asker = asker;
    const unprovenMax = asker.isProven ? LIMITS.dhtReplyBytesMax : LIMITS.dhtReplyFactorMax * query.packet.length;
    this.room = Math.min(LIMITS.dhtReplyBytesMax, unprovenMax) - ENVELOPE_BYTES;
  }

  /** 4 or 16 bytes. */
  get ip(): Uint8Array {
    return this.asker.endpoint.subarray(0, -2);
  }

  take(bytes: number): void {
    this.room -= bytes;
  }

  error(refusal: Refusal): Uint8Array {
    return encodeKrpcError(this.query.transactionId, refusal, this.asker.endpoint);
  }
}

const MALFORMED = new Refusal(KRPC_PROTOCOL_ERROR, 'invalid arguments');
const BAD_TOKEN = new Refusal(KRPC_PROTOCOL_ERROR, 'invalid token');
const BAD_PORT = new Refusal(KRPC_PROTOCOL_ERROR, 'invalid port');
const METHOD_UNKNOWN = new Refusal(KRPC_METHOD_UNKNOWN, 'method unknown');
const NO_ROOM = new Refusal(KRPC_SERVER_ERROR, 'no room for more');

const PUT_ERROR_TEXTS: Readonly<Record<PutError, string>> = {
  [PUT_ERRORS.noRoom]: NO_ROOM.text,
  [PUT_ERRORS.malformed]: MALFORMED.text,
  [PUT_ERRORS.valueTooLong]: 'value too long',
  [PUT_ERRORS.badSignature]: 'invalid signature',
  [PUT_ERRORS.saltTooLong]: 'salt too long',
  [PUT_ERRORS.casMismatch]: 'sequence number is not the expected one',
  [PUT_ERRORS.sequenceTooLow]: 'sequence number is not newer',
};

/** Everything but the fields below: transaction id, version, our id, the address of who asks. */
const ENVELOPE_BYTES = 115;
/** A key and the length of the value. */
const NODES_FIELD_BYTES = 12;
const TOKEN_FIELD_BYTES = 10;
const VALUES_FIELD_BYTES = 10;
const VALUE_FIELD_BYTES = 3;
const SEQUENCE_FIELD_BYTES = 26;
const MUTABLE_FIELDS_BYTES = 115;
const SAMPLE_FIELDS_BYTES = 50;
const FILTER_FIELD_BYTES = BloomFilter.BYTES + 10;
/** Peers in one answer. */
const VALUES_MAX = 100;
/** We choose anew each time, but that is no reason to come often. */
const SAMPLE_INTERVAL_S = 600;

function targetOf(args: BencodeDict, key: 'target' | 'info_hash'): Uint8Array | null {
  const target = args.getBytes(key);
  return target !== null && target.length === NODE_ID_BYTES ? target : null;
}

function integerOf(args: BencodeDict, key: string): bigint | null {
  const value = args.get(key);
  return typeof value === 'number' || typeof value === 'bigint' ? BigInt(value) : null;
}

/** null = it does not say. */
function wantedFamilies(args: BencodeDict): readonly (4 | 6)[] | null {
  const want = args.getList('want');
  if (want === null) return null;
  const families: (4 | 6)[] = [];
  for (const item of want.items) {
    if (!(item instanceof Uint8Array) || item.length !== 2 || item[0] !== LETTER_N) continue;
    if (item[1] === DIGIT_4) families.push(4);
    if (item[1] === DIGIT_6) families.push(6);
  }
  return families;
}

const LETTER_N = 0x6e;
const DIGIT_4 = 0x34;
const DIGIT_6 = 0x36;

function refusalOf(error: PutError | null): Values | Refusal {
  return error === null ? {} : new Refusal(error, PUT_ERROR_TEXTS[error]);
}

function otherOf(family: 4 | 6): 4 | 6 {
  return family === 4 ? 6 : 4;
}
