/**
 * An announce as the embedded tracker works with it: numbers, and one object for all announces of a protocol, so that
 * nothing is made for each. Filled in by server-udp.ts and TrackerServer.announce; TrackerServer.enter adds the answer.
 */
import { type Address, parseIp } from '../../base/address.js';
import { readUint32, writeUint32 } from '../../base/bytes.js';
import type { AnnounceEvent } from './announce.js';

/** Of an info-hash or a peer id. */
export const HASH_WORDS = 5;
const ZERO = 0x30;
const DOT = 0x2e;

export class AnnounceWords {
  /** Big-endian, as all words here. */
  readonly infoHash: Uint32Array = new Uint32Array(HASH_WORDS);
  readonly peerId: Uint32Array = new Uint32Array(HASH_WORDS);
  /** Of the sender; one word of IPv4, four of IPv6. */
  readonly ip: Uint32Array = new Uint32Array(4);
  family: 4 | 6 = 4;
  /** The one that was said, 1 to 65535. */
  port = 0;
  isSeed = false;
  event: AnnounceEvent = '';

  /** The swarm, 0 = there is none. Holds until the next announce. */
  swarm = 0;
  /** The sender's row among the members of its family, -1 when it is not one of them. */
  row = -1;
  seeds = 0;
  leechers = 0;
  completed = 0;

  setSender({ family, host }: Address): void {
    this.family = family;
    if (family === 4) this.ip[0] = ipv4Number(host);
    else readWords(parseIp(host)!, 0, this.ip);
  }
}

/** Reads as many big-endian words as `words` has. */
export function readWords(bytes: Uint8Array, offset: number, words: Uint32Array): void {
  for (let i = 0; i < words.length; i++) words[i] = readUint32(bytes, offset + 4 * i);
}

export function bytesOfWords(words: Uint32Array, start: number, count: number): Uint8Array {
  const bytes = new Uint8Array(4 * count);
  for (let i = 0; i < count; i++) writeUint32(bytes, 4 * i, words[start + i]!);
  return bytes;
}

/** `host` is canonical, see Address. */
function ipv4Number(host: string): number {
  let ip = 0;
  let byte = 0;
  for (let i = 0; i < host.length; i++) {
    const unit = host.charCodeAt(i);
    if (unit === DOT) {
      ip = (ip << 8) | byte;
      byte = 0;
    } else {
      byte = 10 * byte + unit - ZERO;
    }
  }
  return ((ip << 8) | byte) >>> 0;
}
