/**
 * Lists of nodes as replies carry them: `nodes` (26 bytes a node, BEP 5) and `nodes6` (38 bytes, BEP 32). What is read
 * was sent by a stranger and will be dialled, so an address that no node can have is left out here.
 */
import {
  type Address,
  addressFromIp,
  COMPACT_V4_BYTES,
  COMPACT_V6_BYTES,
  isDiallable,
  isLoopback,
  parseIp,
} from '../../base/address.js';
import { readUint16, writeUint16 } from '../../base/bytes.js';
import { isLocalIp } from '../../base/ip-ranges.js';
import { LIMITS } from '../../base/limits.js';
import { NODE_ID_BYTES } from './node-id.js';

/** A node as others tell of it. */
export interface NodeContact {
  /** 20 bytes. */
  readonly id: Uint8Array;
  readonly address: Address;
}

/** @returns the nodes of `family`, in order; those of the other family do not fit in the list and are left out. */
export function encodeNodes(nodes: readonly NodeContact[], family: 4 | 6): Uint8Array {
  const stride = strideOf(family);
  const list = new Uint8Array(stride * nodes.length);
  let offset = 0;
  for (const { id, address } of nodes) {
    if (address.family !== family) continue;
    list.set(id, offset);
    list.set(parseIp(address.host)!, offset + NODE_ID_BYTES);
    offset += stride;
    writeUint16(list, offset - 2, address.port);
  }
  return offset === list.length ? list : list.slice(0, offset);
}

/**
 * Reads whole entries and ignores a cut-off rest, and whatever is beyond the limit. Ids are copies.
 * @param from who sent it. Only who is in a local network may name nodes that are, else anybody could make us send
 * packets into our own; and only who is on this machine may name others on it
 */
export function decodeNodes(list: Uint8Array, family: 4 | 6, from: Address): NodeContact[] {
  const stride = strideOf(family);
  const count = Math.min(Math.floor(list.length / stride), LIMITS.dhtNodesPerListMax);
  const isFromLocal = isLocalIp(parseIp(from.host)!);
  const isFromLoopback = isLoopback(from);
  const nodes: NodeContact[] = [];
  for (let i = 0; i < count; i++) {
    const start = i * stride;
    const end = start + stride;
    const ip = list.subarray(start + NODE_ID_BYTES, end - 2);
    const address = addressFromIp(ip, readUint16(list, end - 2))!;
    // An IPv4-mapped address in `nodes6` is IPv4 now: it came by the wrong list.
    if (address.family !== family || !isDiallable(address)) continue;
    if (isLocalIp(ip) && !isFromLocal) continue;
    if (isLoopback(address) && !isFromLoopback) continue;
    nodes.push({ id: list.slice(start, start + NODE_ID_BYTES), address });
  }
  return nodes;
}

function strideOf(family: 4 | 6): number {
  return NODE_ID_BYTES + (family === 4 ? COMPACT_V4_BYTES : COMPACT_V6_BYTES);
}
