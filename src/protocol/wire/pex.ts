/**
 * ut_pex messages (BEP 11): a bencoded dictionary of compact lists, of the peers that its sender has met and of those it
 * has lost, each family by itself, and a byte of flags for each one met. Everything in it is hearsay: what is malformed
 * reads as absent. Who may tell whom what and how often is engine/exchange.
 */
import { type Address, COMPACT_V4_BYTES, COMPACT_V6_BYTES, fromCompact, toCompact } from '../../base/address.js';
import { EMPTY_BYTES } from '../../base/bytes.js';
import { LIMITS } from '../../base/limits.js';
import { BencodeDict, decodeBencode, encodeBencode } from '../../format/bencode.js';

/** What `added.f` says of a contact, bits of one byte. */
export const PEX_FLAGS = {
  prefersEncryption: 0x01,
  /** A seed, or one that downloads nothing more. */
  isSeed: 0x02,
  speaksUtp: 0x04,
  speaksHolepunch: 0x08,
  /** The sender dialled it: it can be reached. */
  isReachable: 0x10,
} as const;

/** A peer that the sender has met. */
export interface PexContact {
  readonly address: Address;
  /** Of PEX_FLAGS; 0 when not told. */
  readonly flags: number;
}

export interface PexMessage {
  readonly added: readonly PexContact[];
  readonly dropped: readonly Address[];
}

/** @returns the payload behind the receiver's id for ut_pex. All lists are there, be they empty. */
export function encodePex({ added, dropped }: PexMessage): Uint8Array {
  const added4 = added.filter(({ address }) => address.family === 4);
  const added6 = added.filter(({ address }) => address.family === 6);
  return encodeBencode({
    added: compactList(
      added4.map(({ address }) => address),
      4,
    ),
    'added.f': Uint8Array.from(added4, ({ flags }) => flags),
    added6: compactList(
      added6.map(({ address }) => address),
      6,
    ),
    'added6.f': Uint8Array.from(added6, ({ flags }) => flags),
    dropped: compactList(dropped, 4),
    dropped6: compactList(dropped, 6),
  });
}

/**
 * Reads LIMITS.pexContactsPerMessageMax contacts of each kind at the most, IPv4 before IPv6; ports may be 0. A list that
 * ends within an entry is left out, and flags that are not one a contact are.
 * @returns null when it is too long, no dictionary, or has none of the four lists
 */
export function decodePex(payload: Uint8Array): PexMessage | null {
  const dict = decodeDict(payload);
  if (dict === null) return null;
  const lists = ['added', 'added6', 'dropped', 'dropped6'].map((key) => dict.getBytes(key));
  if (lists.every((list) => list === null)) return null;
  const [added4, added6, dropped4, dropped6] = lists;
  const added = [
    ...readContacts(added4!, dict.getBytes('added.f'), 4),
    ...readContacts(added6!, dict.getBytes('added6.f'), 6),
  ];
  const dropped = [...readList(dropped4!, 4), ...readList(dropped6!, 6)];
  const max = LIMITS.pexContactsPerMessageMax;
  return { added: added.slice(0, max), dropped: dropped.slice(0, max) };
}

/** The dictionary is flat; some clients add a few entries of their own. */
const DEPTH_MAX = 5;
const TOKENS_MAX = 100;

function decodeDict(payload: Uint8Array): BencodeDict | null {
  if (payload.length > LIMITS.pexMessageBytesMax) return null;
  try {
    const { value } = decodeBencode(payload, {
      mode: 'lenient',
      allowTrailing: true,
      depthMax: DEPTH_MAX,
      tokensMax: TOKENS_MAX,
    });
    return value instanceof BencodeDict ? value : null;
  } catch {
    return null;
  }
}

function readContacts(list: Uint8Array | null, flags: Uint8Array | null, family: 4 | 6): PexContact[] {
  // Flags that do not fit belong to other contacts than they seem to.
  const isFitting = flags !== null && flags.length * strideOf(family) === list?.length;
  return readList(list, family).map((address, i) => ({ address, flags: isFitting ? flags[i]! : 0 }));
}

function readList(list: Uint8Array | null, family: 4 | 6): Address[] {
  const stride = strideOf(family);
  if (list === null || list.length % stride !== 0) return [];
  return fromCompact(list.subarray(0, stride * LIMITS.pexContactsPerMessageMax), family);
}

function compactList(addresses: readonly Address[], family: 4 | 6): Uint8Array {
  const own = addresses.filter((address) => address.family === family);
  if (own.length === 0) return EMPTY_BYTES;
  const stride = strideOf(family);
  const list = new Uint8Array(own.length * stride);
  own.forEach((address, i) => {
    list.set(toCompact(address), i * stride);
  });
  return list;
}

function strideOf(family: 4 | 6): number {
  return family === 4 ? COMPACT_V4_BYTES : COMPACT_V6_BYTES;
}
